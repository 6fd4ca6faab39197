// Internal. Typed look-ups in one JSON object of an adapter's configuration, with a note of the keys that were read;
// null counts as missing. Types are as strict as in the published loader: 1 is no number with a decimal point.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "frontend/checkpoint/json_text.h"
#include "runtime/base/text.h"

namespace lorikeet {

// Which numbers a key allows.
struct RealRule {
  double least = 0;
  bool least_included = false;
  double most = std::numeric_limits<double>::infinity();
  bool whole_allowed = false;  // 1 for 1.0

  bool allows(double value) const {
    return (least_included ? value >= least : value > least) && value <= most && std::isfinite(value);
  }
  std::string sentence() const;  // "a number with a decimal point above 0 and at most 1"
};

inline std::string RealRule::sentence() const {
  std::string text = whole_allowed ? "a number " : "a number with a decimal point ";
  text += least_included ? join("not below ", least) : join("above ", least);
  return std::isinf(most) ? text : join(text, " and at most ", most);
}

class AdapterFields {
 public:
  // `place` begins the messages; `prefix` stands before each key: "expert_lora.".
  AdapterFields(const Json& json, std::string place, std::string prefix = "")
      : json_(json), place_(std::move(place)), prefix_(std::move(prefix)) {}

  const Json* find(const char* key) {
    read_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  Result<uint32_t> natural(const char* key, uint64_t limit, std::optional<uint32_t> otherwise = {}) {
    const std::string expected = join("a whole number from 1 to ", limit);
    const Json* value = find(key);
    if (!value) return otherwise ? Result<uint32_t>(*otherwise) : missing(key, expected);
    if (!value->is_number_unsigned() || value->get<uint64_t>() == 0 || value->get<uint64_t>() > limit)
      return wrong(key, expected, *value);
    return value->get<uint32_t>();
  }

  Result<double> real(const char* key, const RealRule& rule, std::optional<double> otherwise = {}) {
    const Json* value = find(key);
    if (!value) return otherwise ? Result<double>(*otherwise) : missing(key, rule.sentence());
    const bool is_real = value->is_number_float() || (rule.whole_allowed && value->is_number());
    if (!is_real || !rule.allows(value->get<double>())) return wrong(key, rule.sentence(), *value);
    return value->get<double>();
  }

  Result<bool> flag(const char* key, bool otherwise) {
    const Json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_boolean()) return wrong(key, "true or false", *value);
    return value->get<bool>();
  }

  Result<std::string> text(const char* key, const std::string& otherwise) {
    const Json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_string()) return wrong(key, "a text", *value);
    return value->get<std::string>();
  }

  // One of two texts; true if it is the second.
  Result<bool> second_of(const char* key, std::string_view first, std::string_view second) {
    LK_ASSIGN(const std::string given, text(key, std::string(first)));
    if (given == first) return false;
    if (given == second) return true;
    return wrong(key, join("\"", first, "\" or \"", second, "\""), *find(key));
  }

  Error missing(std::string_view key, const std::string& expected) const {
    return not_found(join(place_, ": ", prefix_, key, " is missing; ", expected, " was expected."));
  }
  Error wrong(std::string_view key, const std::string& expected, const Json& given) const {
    return corrupt(join(place_, ": ", prefix_, key, " must be ", expected, ", it is ", shown(given), "."));
  }
  Error refused(std::string_view key, const Json& given, std::string_view why) const {
    return unsupported(join(place_, ": ", prefix_, key, " is ", shown(given), "; ", why, "."));
  }

  // A value as it stands in the file, cut if it is long.
  static std::string shown(const Json& value) {
    constexpr size_t kLongest = 100;
    std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
    return text;
  }

  const Json& json() const { return json_; }
  const std::string& place() const { return place_; }
  const std::string& prefix() const { return prefix_; }
  bool was_read(const std::string& key) const { return read_.contains(key); }

 private:
  const Json& json_;
  std::string place_, prefix_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace lorikeet
