#include "frontend/chat/chat_template.h"

#include <new>

#include "frontend/chat/evaluator.h"
#include "frontend/chat/parser.h"
#include "frontend/chat/unicode.h"

namespace lorikeet {
namespace {

using Json = nlohmann::ordered_json;
using jinja::Value;

constexpr size_t kMaxSource = size_t(512) << 10;
constexpr int kMaxDepth = 150;  // of variables; what a template builds from them may go a little deeper

std::string text_of(const std::string& bytes) {
  return jinja::unicode::valid(bytes) ? bytes : jinja::unicode::repaired(bytes);
}

Result<Value> value_of(const Json& json, int depth) {
  if (depth > kMaxDepth)
    return invalid(join("[chat template] the variables are nested more than ", kMaxDepth, " levels deep."));
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const uint64_t value = json.get<uint64_t>();
      if (value <= uint64_t(INT64_MAX)) return Value::integer(int64_t(value));
      return Value::integer(*jinja::BigInt::parse(std::to_string(value), 10));
    }
    case Json::value_t::number_float:
      return Value::real(json.get<double>());
    case Json::value_t::string:
      return Value::text(text_of(json.get_ref<const std::string&>()));
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& each : json) {
        LK_ASSIGN(Value item, value_of(each, depth + 1));
        items.push_back(std::move(item));
      }
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      jinja::Dict dict;
      for (const auto& [key, each] : json.items()) {
        LK_ASSIGN(Value item, value_of(each, depth + 1));
        dict.set(Value::text(text_of(key)), std::move(item));
      }
      return Value::dict(std::move(dict));
    }
    default:
      return Value::none();
  }
}

Result<std::string> render_values(const jinja::Template& content, const Json& variables, const RenderLimits& limits) {
  if (!variables.is_object()) return invalid("[chat template] the variables must be an object.");
  jinja::Variables values;
  for (const auto& [name, json] : variables.items()) {
    LK_ASSIGN(values[name], value_of(json, 0));
  }
  return jinja::Evaluator(content, std::move(values), limits).render();
}

}  // namespace

const std::string_view kDefaultChatTemplate =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
    "'\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  if (source.size() > kMaxSource)
    return invalid(join("[chat template] the source has ", source.size(), " bytes, the limit is ", kMaxSource, "."));
  try {
    LK_ASSIGN(jinja::Template content, jinja::parse_template(source));
    return ChatTemplate(std::make_shared<const jinja::Template>(std::move(content)));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::out_of_memory, "[chat template] there is not enough memory to read the template.", {}};
  } catch (const std::exception& e) {
    return Error{ErrorCode::internal, join("[chat template] reading failed: ", e.what(), "."), {}};
  }
}

Result<std::string> ChatTemplate::render(const Json& variables, const RenderLimits& limits) const {
  try {
    return render_values(*content_, variables, limits);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::out_of_memory, "[chat template] there is not enough memory to render the template.", {}};
  } catch (const std::exception& e) {
    return Error{ErrorCode::internal, join("[chat template] rendering failed: ", e.what(), "."), {}};
  }
}

Result<std::string> render_chat(const ChatTemplate& chat_template, const Json& messages, const ChatOptions& options,
                                const RenderLimits& limits) {
  if (!messages.is_array()) return invalid("[chat template] the messages must be an array.");
  if (!options.extra.is_object()) return invalid("[chat template] the extra variables must be an object.");
  Json variables = {{"messages", messages},
                    {"tools", options.tools},
                    {"documents", options.documents},
                    {"add_generation_prompt", options.add_generation_prompt}};
  if (!options.bos_token.empty()) variables["bos_token"] = options.bos_token;
  if (!options.eos_token.empty()) variables["eos_token"] = options.eos_token;
  for (const auto& [name, value] : options.extra.items()) variables[name] = value;
  return chat_template.render(variables, limits);
}

Result<std::string> render_chat(const ChatTemplate& chat_template, std::span<const ChatMessage> messages,
                                const ChatOptions& options, const RenderLimits& limits) {
  Json list = Json::array();
  for (const ChatMessage& message : messages) list.push_back({{"role", message.role}, {"content", message.content}});
  return render_chat(chat_template, list, options, limits);
}

Result<std::string> chat_template_source(const Json& tokenizer_config) {
  const Error none = not_found("[chat template] the tokenizer configuration has no chat template.");
  if (!tokenizer_config.is_object()) return none;
  const auto found = tokenizer_config.find("chat_template");
  if (found == tokenizer_config.end()) return none;
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_array()) return none;
  for (const Json& entry : *found) {
    if (!entry.is_object() || !entry.contains("name") || !entry.contains("template")) continue;
    if (entry["name"] == "default" && entry["template"].is_string()) return entry["template"].get<std::string>();
  }
  return none;
}

}  // namespace lorikeet
