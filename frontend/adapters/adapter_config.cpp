#include "frontend/adapters/adapter_config.h"

#include <cmath>

#include "frontend/adapters/adapter_folder.h"
#include "frontend/adapters/adapter_kinds.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kMaximumBytes = size_t(16) << 20;

}  // namespace

std::string_view name(AdapterKind kind) { return facts(kind).title; }

double LoraSettings::scaling() const { return rslora ? alpha / std::sqrt(double(r)) : alpha / double(r); }

Result<AdapterConfig> AdapterConfig::open(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kAdapterConfig;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return not_found(join("[adapter] ", path.string(), " is missing; a folder with an adapter was expected."));
  LK_ASSIGN(const std::string text, read_text(path));
  if (text.size() > kMaximumBytes)
    return corrupt(
        join("[adapter] ", path.string(), " has ", text.size(), " bytes, too many for an adapter's configuration."));
  return parse(text, join("[adapter] ", path.string()));
}

}  // namespace lorikeet
