// The key-value part of a GGUF file, with typed look-ups. Values stay where they are in the mapped file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/result.h"

namespace lorikeet {

// The numbers are those of the format.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };
constexpr uint32_t kGgufTypes = 13;

std::string_view name(GgufType type);
uint32_t scalar_bytes(GgufType type);  // 0 for text and array

struct GgufValue {
  GgufType type = GgufType::u32;
  GgufType element = GgufType::u32;  // of an array
  uint64_t count = 0;                // elements of an array
  Bytes bytes;                       // a number; the characters of a text; an array's elements as the file stores them
};

// Look-ups return an error that names the file, the key, and what was expected. Does not own the values' bytes.
class GgufMetadata {
 public:
  struct Entry {
    std::string key;
    GgufValue value;
  };

  GgufMetadata() = default;
  explicit GgufMetadata(std::string file) : file_(std::move(file)) {}

  Status add(std::string_view key, const GgufValue& value);  // an error if the key is there already

  const std::vector<Entry>& entries() const { return entries_; }
  const GgufValue* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Any integer type is accepted where its value fits; `number` takes integers as well.
  Result<uint64_t> natural(std::string_view key) const;
  Result<int64_t> integer(std::string_view key) const;
  Result<double> number(std::string_view key) const;
  Result<bool> flag(std::string_view key) const;
  Result<std::string_view> text(std::string_view key) const;
  Result<std::vector<int64_t>> integers(std::string_view key) const;
  Result<std::vector<double>> numbers(std::string_view key) const;
  Result<std::vector<bool>> flags(std::string_view key) const;
  Result<std::vector<std::string_view>> texts(std::string_view key) const;

  // The same with a value for a missing key. A key of the wrong type stays an error.
  Result<uint64_t> natural_or(std::string_view key, uint64_t otherwise) const;
  Result<double> number_or(std::string_view key, double otherwise) const;
  Result<bool> flag_or(std::string_view key, bool otherwise) const;
  Result<std::string_view> text_or(std::string_view key, std::string_view otherwise) const;

 private:
  Result<const GgufValue*> need(std::string_view key) const;
  Result<const GgufValue*> need_array(std::string_view key) const;
  Error wrong_type(std::string_view key, std::string_view expected) const;

  std::string file_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace lorikeet
