#include "runtime/base/options.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace lorikeet {
namespace {

std::string text(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

bool flag(const char* variable, bool otherwise) {
  const std::string value = text(variable);
  if (value.empty()) return otherwise;
  return value != "0" && value != "false" && value != "off" && value != "no";
}

// A number that is no number counts as not given.
int whole(const char* variable, int otherwise) {
  const std::string value = text(variable);
  int number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  return failure == std::errc() && end == value.data() + value.size() && number >= 0 ? number : otherwise;
}

double real(const char* variable, double otherwise) {
  const std::string value = text(variable);
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  return !value.empty() && *end == 0 && std::isfinite(number) && number >= 0 ? number : otherwise;
}

}  // namespace

Options Options::from_environment() {
  const Options defaults;
  Options options;
  options.device = text("LORIKEET_DEVICE");
  options.cache_dir = text("LORIKEET_CACHE");
  options.validation = flag("LORIKEET_VALIDATION", defaults.validation);
  options.hide = text("LORIKEET_HIDE");
  options.fault = text("LORIKEET_FAULT");
  options.slice_ms = real("LORIKEET_SLICE_MS", defaults.slice_ms);
  options.fuse = flag("LORIKEET_FUSE", defaults.fuse);
  options.compile_threads = whole("LORIKEET_COMPILE_THREADS", defaults.compile_threads);
  return options;
}

std::string Options::cache_folder() const {
  if (!cache_dir.empty()) return cache_dir;
#ifdef _WIN32
  const std::string local = text("LOCALAPPDATA");
  if (!local.empty()) return local + "\\lorikeet";
#endif
  const std::string xdg = text("XDG_CACHE_HOME");
  if (!xdg.empty()) return xdg + "/lorikeet";
  const std::string home = text("HOME");
  return home.empty() ? "" : home + "/.cache/lorikeet";
}

}  // namespace lorikeet
