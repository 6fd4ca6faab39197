// Internal: structs that begin with their own size, in and out.
#pragma once

#include <algorithm>
#include <cstring>

#include "runtime/base/result.h"
#include "runtime/base/text.h"

namespace lorikeet::api {

// The caller's options in today's shape: what an older caller does not have is zero. Null is all zero. A newer caller's
// further fields must be zero, for they cannot be honoured.
template <class Options>
Result<Options> read_options(const Options* given, const char* name) {
  Options options{};
  options.size = sizeof options;
  if (!given) return options;
  size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if (size < sizeof size || size > (1u << 16))
    return invalid(join(name, ".size must be sizeof(", name, "), ", size, " was given."));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (size > sizeof options &&
      std::any_of(bytes + sizeof options, bytes + size, [](unsigned char byte) { return byte != 0; }))
    return unsupported(join(name, " has fields that this version of Lorikeet does not know."));
  std::memcpy(&options, given, std::min(size, sizeof options));
  options.size = sizeof options;
  return options;
}

// As much of the result as the caller has room for; its `size` stays.
template <class Struct>
Status write_struct(const Struct& value, Struct* out, const char* name) {
  size_t size = 0;
  std::memcpy(&size, out, sizeof size);
  if (size < sizeof size || size > (1u << 16))
    return invalid(join(name, ".size must be sizeof(", name, "), ", size, " was given."));
  auto* bytes = reinterpret_cast<unsigned char*>(out);
  const size_t known = std::min(size, sizeof value);
  std::memcpy(bytes + sizeof size, reinterpret_cast<const unsigned char*>(&value) + sizeof size, known - sizeof size);
  return Done{};
}

}  // namespace lorikeet::api
