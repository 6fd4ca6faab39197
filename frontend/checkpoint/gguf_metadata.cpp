#include "frontend/checkpoint/gguf_metadata.h"

#include <array>
#include <cmath>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::array<std::string_view, kGgufTypes> kNames = {"u8",   "i8",   "u16",   "i16", "u32", "i32", "f32",
                                                             "bool", "text", "array", "u64", "i64", "f64"};
constexpr std::array<uint32_t, kGgufTypes> kBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

// One integer as sign and magnitude, so that every u64 and every i64 is exact.
struct Integer {
  bool negative;
  uint64_t magnitude;
};

template <class T>
Integer as_integer(const std::byte* bytes) {
  const T value = load<T>(bytes);
  if constexpr (std::is_signed_v<T>) {
    if (value < 0) return {true, uint64_t(0) - uint64_t(int64_t(value))};
  }
  return {false, uint64_t(value)};
}

std::optional<Integer> read_integer(GgufType type, const std::byte* bytes) {
  switch (type) {
    case GgufType::u8:
      return as_integer<uint8_t>(bytes);
    case GgufType::i8:
      return as_integer<int8_t>(bytes);
    case GgufType::u16:
      return as_integer<uint16_t>(bytes);
    case GgufType::i16:
      return as_integer<int16_t>(bytes);
    case GgufType::u32:
      return as_integer<uint32_t>(bytes);
    case GgufType::i32:
      return as_integer<int32_t>(bytes);
    case GgufType::u64:
      return as_integer<uint64_t>(bytes);
    case GgufType::i64:
      return as_integer<int64_t>(bytes);
    default:
      return std::nullopt;
  }
}

std::optional<int64_t> read_i64(GgufType type, const std::byte* bytes) {
  const auto value = read_integer(type, bytes);
  if (!value || value->magnitude > uint64_t(INT64_MAX)) {
    if (value && value->negative && value->magnitude == uint64_t(1) << 63) return INT64_MIN;
    return std::nullopt;
  }
  return value->negative ? -int64_t(value->magnitude) : int64_t(value->magnitude);
}

std::optional<double> read_number(GgufType type, const std::byte* bytes) {
  if (type == GgufType::f32) return double(load<float>(bytes));
  if (type == GgufType::f64) return load<double>(bytes);
  const auto value = read_integer(type, bytes);
  if (!value) return std::nullopt;
  return value->negative ? -double(value->magnitude) : double(value->magnitude);
}

}  // namespace

std::string_view name(GgufType type) { return uint32_t(type) < kGgufTypes ? kNames[uint32_t(type)] : "unknown"; }
uint32_t scalar_bytes(GgufType type) { return uint32_t(type) < kGgufTypes ? kBytes[uint32_t(type)] : 0; }

Status GgufMetadata::add(std::string_view key, const GgufValue& value) {
  if (!index_.emplace(std::string(key), entries_.size()).second)
    return corrupt(join("[gguf] ", file_, ": key ", key, " occurs twice."));
  entries_.push_back({std::string(key), value});
  return Done{};
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto found = index_.find(std::string(key));
  return found == index_.end() ? nullptr : &entries_[found->second].value;
}

Result<const GgufValue*> GgufMetadata::need(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return not_found(join("[gguf] ", file_, ": key ", key, " is missing."));
  return value;
}

Result<const GgufValue*> GgufMetadata::need_array(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need(key));
  if (value->type != GgufType::array) return wrong_type(key, "an array");
  return value;
}

Error GgufMetadata::wrong_type(std::string_view key, std::string_view expected) const {
  const GgufValue* value = find(key);
  const bool array = value->type == GgufType::array;
  return corrupt(join("[gguf] ", file_, ": key ", key, " must be ", expected, ", it is ", array ? "an array of " : "",
                      name(array ? value->element : value->type), "."));
}

Result<int64_t> GgufMetadata::integer(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need(key));
  const auto integer = read_i64(value->type, value->bytes.data());
  if (!integer) return wrong_type(key, "an integer of 64 bits");
  return *integer;
}

Result<uint64_t> GgufMetadata::natural(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need(key));
  const auto integer = read_integer(value->type, value->bytes.data());
  if (!integer) return wrong_type(key, "an integer");
  if (integer->negative)
    return corrupt(join("[gguf] ", file_, ": key ", key, " must not be negative, it is -", integer->magnitude, "."));
  return integer->magnitude;
}

Result<double> GgufMetadata::number(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need(key));
  const auto number = read_number(value->type, value->bytes.data());
  if (!number) return wrong_type(key, "a number");
  return *number;
}

Result<bool> GgufMetadata::flag(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need(key));
  if (value->type != GgufType::boolean) return wrong_type(key, "a bool");
  return value->bytes[0] != std::byte(0);
}

Result<std::string_view> GgufMetadata::text(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need(key));
  if (value->type != GgufType::text) return wrong_type(key, "a text");
  return as_text(value->bytes);
}

Result<std::vector<int64_t>> GgufMetadata::integers(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need_array(key));
  std::vector<int64_t> integers;
  if (value->count == 0) return integers;
  const uint32_t size = scalar_bytes(value->element);
  if (size == 0) return wrong_type(key, "an array of integers");
  integers.reserve(size_t(value->count));
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto integer = read_i64(value->element, value->bytes.data() + i * size);
    if (!integer) return wrong_type(key, "an array of integers of 64 bits");
    integers.push_back(*integer);
  }
  return integers;
}

Result<std::vector<double>> GgufMetadata::numbers(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need_array(key));
  std::vector<double> numbers;
  if (value->count == 0) return numbers;
  const uint32_t size = scalar_bytes(value->element);
  if (size == 0) return wrong_type(key, "an array of numbers");
  numbers.reserve(size_t(value->count));
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto number = read_number(value->element, value->bytes.data() + i * size);
    if (!number) return wrong_type(key, "an array of numbers");
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<bool>> GgufMetadata::flags(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need_array(key));
  std::vector<bool> flags;
  if (value->count == 0) return flags;
  if (value->element != GgufType::boolean) return wrong_type(key, "an array of bools");
  for (std::byte byte : value->bytes) flags.push_back(byte != std::byte(0));
  return flags;
}

Result<std::vector<std::string_view>> GgufMetadata::texts(std::string_view key) const {
  LK_ASSIGN(const GgufValue* value, need_array(key));
  std::vector<std::string_view> texts;
  if (value->count == 0) return texts;
  if (value->element != GgufType::text) return wrong_type(key, "an array of texts");
  texts.reserve(size_t(value->count));
  Cursor cursor(value->bytes);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto length = cursor.read<uint64_t>();
    const auto characters = length ? cursor.take(*length) : std::nullopt;
    if (!characters) return corrupt(join("[gguf] ", file_, ": key ", key, " ends inside text ", i, "."));
    texts.push_back(as_text(*characters));
  }
  return texts;
}

Result<uint64_t> GgufMetadata::natural_or(std::string_view key, uint64_t otherwise) const {
  if (!has(key)) return otherwise;
  return natural(key);
}

Result<double> GgufMetadata::number_or(std::string_view key, double otherwise) const {
  if (!has(key)) return otherwise;
  return number(key);
}

Result<bool> GgufMetadata::flag_or(std::string_view key, bool otherwise) const {
  if (!has(key)) return otherwise;
  return flag(key);
}

Result<std::string_view> GgufMetadata::text_or(std::string_view key, std::string_view otherwise) const {
  if (!has(key)) return otherwise;
  return text(key);
}

}  // namespace lorikeet
