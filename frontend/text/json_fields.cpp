#include "frontend/text/json_fields.h"

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

Error wrong(const char* where, const char* name, const char* expected, const Json* given) {
  return corrupt(join("[tokenizer] ", where, ": \"", name, "\" must be ", expected, ", it is ",
                      given ? given->type_name() : "missing", "."));
}

}  // namespace

Result<Json> parse_json(std::string_view text, const char* file) {
  try {
    return Json::parse(text);
  } catch (const std::exception& failure) {
    return Error{ErrorCode::corrupt, join("[tokenizer] ", file, " is not valid JSON."), failure.what()};
  }
}

const Json* find_field(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<const Json*> object_field(const Json& object, const char* name, const char* where) {
  const Json* field = find_field(object, name);
  if (!field || !field->is_object()) return wrong(where, name, "an object", field);
  return field;
}

Result<const Json*> array_field(const Json& object, const char* name, const char* where) {
  const Json* field = find_field(object, name);
  if (!field || !field->is_array()) return wrong(where, name, "an array", field);
  return field;
}

Result<std::string> string_field(const Json& object, const char* name, const char* where,
                                 std::optional<std::string> otherwise) {
  const Json* field = find_field(object, name);
  if (!field && otherwise) return *std::move(otherwise);
  if (!field || !field->is_string()) return wrong(where, name, "a string", field);
  return field->get_ref<const std::string&>();
}

Result<bool> bool_field(const Json& object, const char* name, const char* where, bool otherwise) {
  const Json* field = find_field(object, name);
  if (!field) return otherwise;
  if (!field->is_boolean()) return wrong(where, name, "true or false", field);
  return field->get<bool>();
}

Result<int64_t> integer_field(const Json& object, const char* name, const char* where) {
  const Json* field = find_field(object, name);
  if (!field || !field->is_number_integer()) return wrong(where, name, "an integer", field);
  if (field->is_number_unsigned() && field->get<uint64_t>() > uint64_t(INT64_MAX))
    return wrong(where, name, "an integer below 2^63", field);
  return field->get<int64_t>();
}

}  // namespace lorikeet
