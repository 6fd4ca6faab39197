#include "tools/adapter_options.h"

#include <charconv>
#include <cmath>
#include <filesystem>

namespace lorikeet::tool {

namespace fs = std::filesystem;

AdapterArgument adapter_argument(const std::string& given) {
  const size_t colon = given.rfind(':');
  std::error_code ignored;
  if (colon == std::string::npos || fs::exists(given, ignored) || !fs::exists(given.substr(0, colon), ignored))
    return {given};
  double scale = 0;
  const char* end = given.data() + given.size();
  const auto [stop, failure] = std::from_chars(given.data() + colon + 1, end, scale);
  if (failure != std::errc() || stop != end || !std::isfinite(scale)) return {given};
  return {given.substr(0, colon), scale};
}

void AdapterOptions::add(CLI::App& command) {
  command
      .add_option("--adapter", given,
                  "A folder with adapter_config.json and its tensors (LoRA, DynMoLE, MixLoRA, MoLA, LoRAMoE). May be\n"
                  "given several times: plain LoRAs add up, at most one may have routers. :SCALE behind it multiplies\n"
                  "what it adds (1). Dropout is off. Example: --adapter dynmole --adapter style-lora:0.5")
      ->option_text("DIR[:SCALE]")
      ->take_all()
      ->allow_extra_args(false);
}

Result<std::vector<GivenAdapter>> AdapterOptions::open(const AdapterBase& base) const {
  std::vector<GivenAdapter> adapters;
  for (const std::string& argument : given) {
    const auto [path, scale] = adapter_argument(argument);
    LK_ASSIGN(Adapter adapter, open_adapter(path, base));
    std::error_code ignored;
    GivenAdapter opened{.path = path, .scale = scale, .adapter = std::make_unique<Adapter>(std::move(adapter))};
    opened.name = fs::weakly_canonical(path, ignored).filename().string();
    adapters.push_back(std::move(opened));
  }
  return adapters;
}

}  // namespace lorikeet::tool
