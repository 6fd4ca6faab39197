// Reads little-endian numbers from bytes that are not trusted: past the end there is nothing, never a fault.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace lorikeet {

static_assert(std::endian::native == std::endian::little, "model files are little-endian and mapped as they are");

using Bytes = std::span<const std::byte>;

// The number at the start of `bytes`, at any alignment. The caller has checked the size.
template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class Cursor {
 public:
  explicit Cursor(Bytes bytes, uint64_t position = 0) : bytes_(bytes), position_(position) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return position_ < bytes_.size() ? bytes_.size() - position_ : 0; }

  // The next `count` bytes, or nothing if fewer are left.
  std::optional<Bytes> take(uint64_t count) {
    if (count > left()) return std::nullopt;
    const Bytes taken = bytes_.subspan(size_t(position_), size_t(count));
    position_ += count;
    return taken;
  }

  template <class T>
  std::optional<T> read() {
    const auto taken = take(sizeof(T));
    if (!taken) return std::nullopt;
    return load<T>(taken->data());
  }

 private:
  Bytes bytes_;
  uint64_t position_;
};

}  // namespace lorikeet
