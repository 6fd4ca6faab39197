#include "frontend/default_model.h"

#include <system_error>
#include <vector>

#include "frontend/checkpoint/embedded_model.h"
#include "runtime/base/text.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace lorikeet {
namespace {

constexpr const char* kFile = "nano.gguf";

// The folder of the running program; empty where the system does not tell.
std::filesystem::path program_folder() {
  std::error_code ignored;
#ifdef _WIN32
  wchar_t name[MAX_PATH];
  const DWORD length = GetModuleFileNameW(nullptr, name, MAX_PATH);
  return length > 0 && length < MAX_PATH ? std::filesystem::path(name).parent_path() : std::filesystem::path();
#elif defined(__APPLE__)
  char name[4096];
  uint32_t size = sizeof name;
  return _NSGetExecutablePath(name, &size) == 0 ? std::filesystem::weakly_canonical(name, ignored).parent_path()
                                                : std::filesystem::path();
#else
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
#endif
}

}  // namespace

Result<std::filesystem::path> default_model() {
  if (!embedded_model().empty()) return std::filesystem::path(kEmbeddedModel);
  std::vector<std::filesystem::path> places;
  if (const std::filesystem::path folder = program_folder(); !folder.empty())
    places = {folder / kFile, folder / ".." / "share" / "lorikeet" / kFile};
  places.push_back(std::filesystem::path(LORIKEET_INSTALLED_MODELS) / kFile);
  places.push_back(std::filesystem::path(LORIKEET_SOURCE_MODELS) / kFile);
  std::string tried;
  for (const std::filesystem::path& place : places) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(place, ignored)) return place;
    tried += join(tried.empty() ? "" : ", ", place.lexically_normal().string());
  }
  return not_found(
      join("[model] no model was named, and the one that comes with the library is in none of its places: ", tried,
           "; a GGUF file or a Hugging Face directory was expected."));
}

}  // namespace lorikeet
