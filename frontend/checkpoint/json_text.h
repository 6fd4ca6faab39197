// JSON of model files, read without exceptions: a limit on depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace lorikeet {

using Json = nlohmann::json;

enum class DuplicateKeys { refused, last_wins };

// Parses one object. `file` begins the messages. Errors: corrupt.
Result<Json> parse_json_object(std::string_view text, const std::string& file, DuplicateKeys duplicates);

}  // namespace lorikeet
