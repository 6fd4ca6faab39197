#include "frontend/checkpoint/json_text.h"

#include <unordered_set>
#include <vector>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kMaximumDepth = 64;

}  // namespace

Result<Json> parse_json_object(std::string_view text, const std::string& file, DuplicateKeys duplicates) {
  std::vector<std::unordered_set<std::string>> keys;  // of the objects that are open
  std::string twice;
  bool too_deep = false;
  size_t depth = 0;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) too_deep |= ++depth > kMaximumDepth;
    if (event == Event::object_end || event == Event::array_end) --depth;
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end && !keys.empty()) keys.pop_back();
    if (event == Event::key && !keys.empty() && !keys.back().insert(value.get_ref<const std::string&>()).second)
      twice = value.get_ref<const std::string&>();
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, watch, false);  // a syntax error gives a discarded value, not an exception
  } catch (const std::exception& failure) {
    return Error{ErrorCode::corrupt, join(file, " could not be read as JSON."), failure.what()};
  }
  if (json.is_discarded()) return corrupt(join(file, " is not valid JSON."));
  if (too_deep) return corrupt(join(file, " nests JSON values more than ", kMaximumDepth, " deep."));
  if (!twice.empty() && duplicates == DuplicateKeys::refused)
    return corrupt(join(file, " has the JSON key ", twice, " twice in one object."));
  if (!json.is_object()) return corrupt(join(file, " must hold a JSON object."));
  return json;
}

}  // namespace lorikeet
