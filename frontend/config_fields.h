// Internal. Typed look-ups in one JSON object of a configuration; null counts as missing, as it does in these files.
#pragma once

#include <string>

#include "frontend/checkpoint/json_text.h"
#include "frontend/config_readers.h"
#include "runtime/base/text.h"

namespace lorikeet {

inline constexpr uint64_t kMaximumCount = uint64_t(1) << 24;
inline constexpr uint64_t kMaximumLayers = 4096;
inline constexpr uint64_t kMaximumSide = 16384;  // of a picture, in pixels
inline constexpr uint64_t kMaximumExperts = 1024;

class Fields {
 public:
  Fields(const Json& json, std::string file) : json_(json), file_(std::move(file)) {}

  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  bool is_null(const char* key) const { return json_.contains(key) && !find(key); }
  Result<uint32_t> count(const char* key, uint64_t limit) const {
    const Json* value = find(key);
    if (!value) return not_found(join(file_, ": ", key, " is missing."));
    if (!value->is_number_unsigned()) return corrupt(join(file_, ": ", key, " must be a natural number."));
    return checked_count(value->get<uint64_t>(), limit, file_, key);
  }
  Result<uint32_t> count_or(const char* key, uint64_t limit, uint32_t otherwise) const {
    if (!find(key)) return otherwise;
    return count(key, limit);
  }
  Result<double> number_or(const char* key, double otherwise) const {
    const Json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_number()) return corrupt(join(file_, ": ", key, " must be a number."));
    return value->get<double>();
  }
  Result<bool> flag_or(const char* key, bool otherwise) const {
    const Json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_boolean()) return corrupt(join(file_, ": ", key, " must be true or false."));
    return value->get<bool>();
  }
  Result<std::string> text_or(const char* key, const std::string& otherwise) const {
    const Json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_string()) return corrupt(join(file_, ": ", key, " must be a text."));
    return value->get<std::string>();
  }
  const std::string& file() const { return file_; }

 private:
  const Json& json_;
  std::string file_;
};

}  // namespace lorikeet
