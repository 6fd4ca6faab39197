#include "frontend/checkpoint/output_file.h"

#include <algorithm>
#include <system_error>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {

OutputFile::OutputFile(std::filesystem::path path, std::filesystem::path partial, std::ofstream out)
    : path_(std::move(path)), partial_(std::move(partial)), out_(std::move(out)) {}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  std::filesystem::path partial = path;
  partial += ".partial";
  std::ofstream out(partial, std::ios::binary | std::ios::trunc);
  if (!out)
    return Error{
        ErrorCode::io, join("cannot write ", path.string(), ": the folder does not exist or is read-only."), {}};
  return OutputFile(path, std::move(partial), std::move(out));
}

OutputFile::~OutputFile() {
  if (!out_.is_open()) return;  // finished, or moved away
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(partial_, ignored);
}

void OutputFile::write(Bytes bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  position_ += bytes.size();
}

void OutputFile::pad(uint64_t count) {
  constexpr std::byte kZeros[64] = {};
  for (; count > 0; count -= std::min<uint64_t>(count, sizeof(kZeros)))
    write(Bytes(kZeros).first(size_t(std::min<uint64_t>(count, sizeof(kZeros)))));
}

Status OutputFile::check() {
  if (!out_)
    return Error{ErrorCode::io, join("cannot write ", path_.string(), ": the disk is full or was removed."), {}};
  return Done{};
}

Status OutputFile::finish() {
  out_.flush();
  LK_TRY(check());
  out_.close();
  if (out_.fail() || !sync_file(partial_)) {
    std::error_code ignored;
    std::filesystem::remove(partial_, ignored);
    return Error{ErrorCode::io, join("cannot write ", path_.string(), ": the disk is full or was removed."), {}};
  }
  std::error_code failure;
  std::filesystem::rename(partial_, path_, failure);
  if (!failure) return Done{};
  std::error_code ignored;
  std::filesystem::remove(partial_, ignored);
  return Error{ErrorCode::io, join("cannot write ", path_.string(), ": ", failure.message(), "."), {}};
}

}  // namespace lorikeet
