// Typed access to the fields of a parsed JSON file, with errors that name the place. Internal to this folder.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace lorikeet {

using Json = nlohmann::json;

// `file` begins the message: "tokenizer.json".
Result<Json> parse_json(std::string_view text, const char* file);

// Null where the field is missing or null.
const Json* find_field(const Json& object, const char* name);
// A field that must be an object or an array; `where` names the object in messages.
Result<const Json*> object_field(const Json& object, const char* name, const char* where);
Result<const Json*> array_field(const Json& object, const char* name, const char* where);
// Missing or null gives `otherwise`; without it that is an Error.
Result<std::string> string_field(const Json& object, const char* name, const char* where,
                                 std::optional<std::string> otherwise = std::nullopt);
Result<bool> bool_field(const Json& object, const char* name, const char* where, bool otherwise);
Result<int64_t> integer_field(const Json& object, const char* name, const char* where);

}  // namespace lorikeet
