#include "frontend/checkpoint/output_folder.h"

#include <system_error>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using std::filesystem::path;

path beside(const path& folder, const char* ending) {
  path other = folder;
  return other += ending;
}

}  // namespace

struct OutputFolder::Impl {
  path target, partial;
  std::string context;

  Error cannot(const path& folder, const std::error_code& why) const {
    return {ErrorCode::io, join(context, " cannot write ", folder.string(), ": ", why.message(), "."), {}};
  }
  ~Impl() {
    std::error_code ignored;
    std::filesystem::remove_all(partial, ignored);
  }
};

OutputFolder::OutputFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OutputFolder::OutputFolder(OutputFolder&&) noexcept = default;
OutputFolder& OutputFolder::operator=(OutputFolder&&) noexcept = default;
OutputFolder::~OutputFolder() = default;

Result<OutputFolder> OutputFolder::create(const path& place, const std::string& context) {
  const path target = place.has_filename() ? place : place.parent_path();  // without a slash at the end
  std::unique_ptr<Impl> impl(new Impl{target, beside(target, ".partial"), context});
  std::error_code failure;
  std::filesystem::remove_all(impl->partial, failure);  // what an interrupted run left
  std::filesystem::create_directories(impl->partial, failure);
  if (failure) return impl->cannot(impl->partial, failure);
  return OutputFolder(std::move(impl));
}

const path& OutputFolder::folder() const { return impl_->partial; }

// What was there is moved aside first, and back if the new folder cannot take its place.
Status OutputFolder::finish() {
  const path& target = impl_->target;
  std::error_code failure, ignored;
  const path aside = beside(target, ".replaced");
  const bool was_there = std::filesystem::exists(target, ignored);
  if (was_there) {
    std::filesystem::remove_all(aside, ignored);
    std::filesystem::rename(target, aside, failure);
    if (failure) return impl_->cannot(target, failure);
  }
  std::filesystem::rename(impl_->partial, target, failure);
  if (failure && was_there) std::filesystem::rename(aside, target, ignored);
  if (failure) return impl_->cannot(target, failure);
  if (was_there) std::filesystem::remove_all(aside, ignored);
  return Done{};
}

}  // namespace lorikeet
