#include "runtime/base/file.h"

#include <cstring>
#include <fstream>
#include <system_error>

#include "runtime/base/text.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace lorikeet {

struct MappedFile::Impl {
  std::filesystem::path path;
  void* address = nullptr;
  size_t size = 0;
  bool mapped = true;

  ~Impl() {
    if (!address || !mapped) return;
#ifdef _WIN32
    UnmapViewOfFile(address);
#else
    munmap(address, size);
#endif
  }
};

namespace {

Error cannot(std::string_view verb, const std::filesystem::path& path, std::string_view why) {
  return {ErrorCode::io, join("cannot ", verb, " ", path.string(), ": ", why, "."), {}};
}

#ifdef _WIN32
Status map(const std::filesystem::path& path, void** address, size_t* size) {
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  if (file == INVALID_HANDLE_VALUE) return cannot("open", path, std::system_category().message(int(GetLastError())));
  LARGE_INTEGER length{};
  GetFileSizeEx(file, &length);
  *size = size_t(length.QuadPart);
  if (*size > 0) {
    const HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
    if (mapping) *address = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
    if (mapping) CloseHandle(mapping);
  }
  CloseHandle(file);
  if (*size > 0 && !*address) return cannot("map", path, std::system_category().message(int(GetLastError())));
  return Done{};
}
#else
Status map(const std::filesystem::path& path, void** address, size_t* size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot("open", path, std::strerror(errno));
  struct stat facts {};
  if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    close(file);
    return cannot("open", path, "it is not a regular file");
  }
  *size = size_t(facts.st_size);
  if (*size > 0) *address = mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, file, 0);
  const int reason = errno;
  close(file);
  if (*address == MAP_FAILED) {
    *address = nullptr;
    return cannot("map", path, std::strerror(reason));
  }
  return Done{};
}
#endif

}  // namespace

MappedFile::MappedFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MappedFile::MappedFile(MappedFile&&) noexcept = default;
MappedFile& MappedFile::operator=(MappedFile&&) noexcept = default;
MappedFile::~MappedFile() = default;

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  LK_TRY(map(path, &impl->address, &impl->size));
  return MappedFile(std::move(impl));
}

MappedFile MappedFile::of(const std::filesystem::path& name, std::span<const std::byte> bytes) {
  auto impl = std::make_unique<Impl>();
  impl->path = name;
  impl->address = const_cast<std::byte*>(bytes.data());
  impl->size = bytes.size();
  impl->mapped = false;
  return MappedFile(std::move(impl));
}

std::span<const std::byte> MappedFile::bytes() const {
  return {static_cast<const std::byte*>(impl_->address), impl_->size};
}

const std::filesystem::path& MappedFile::path() const { return impl_->path; }

void MappedFile::release(uint64_t offset, uint64_t size) const {
  if (!impl_->mapped) return;
#ifndef _WIN32
  const uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  const uint64_t first = (offset + page - 1) / page * page;
  const uint64_t last = (offset + size) / page * page;
  if (last > first && last <= impl_->size)
    madvise(static_cast<char*>(impl_->address) + first, last - first, MADV_DONTNEED);
#else
  (void)offset, (void)size;
#endif
}

Status sync_file(const std::filesystem::path& path) {
#ifndef _WIN32
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot("open", path, std::strerror(errno));
  const bool failed = fsync(file) != 0 && errno != EINVAL && errno != ENOSYS;  // not every file system can
  const int reason = errno;
  close(file);
  if (failed) return cannot("write", path, std::strerror(reason));
#else
  (void)path;
#endif
  return Done{};
}

Result<std::string> read_text(const std::filesystem::path& path) {
  LK_ASSIGN(const MappedFile file, MappedFile::open(path));
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

Status write_whole(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path partial = path;
  partial += ".partial";
  std::error_code failure, ignored;
  {
    std::ofstream out(partial, std::ios::binary | std::ios::trunc);
    out.write(content.data(), std::streamsize(content.size()));
    out.flush();
    if (!out) {
      out.close();
      std::filesystem::remove(partial, ignored);
      return cannot("write", path, "the disk is full or the folder is read-only");
    }
  }
  LK_TRY(sync_file(partial));
  std::filesystem::rename(partial, path, failure);
  if (failure) return cannot("write", path, failure.message());
  return Done{};
}

}  // namespace lorikeet
