// Chat templates: how a model wants a conversation written down. The language is Jinja2 3.1 as the model files use it,
// with the settings and functions of Hugging Face's apply_chat_template.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "frontend/chat/limits.h"
#include "runtime/base/result.h"

namespace lorikeet {

namespace jinja {
struct Template;
}

// A template that has been read, ready to be rendered any number of times, from several threads too.
class ChatTemplate {
 public:
  // Errors: text that is not UTF-8 or longer than 512 KiB; a wrong construct, with its line.
  static Result<ChatTemplate> parse(std::string_view source);

  // Renders with exactly these variables (an object). Errors: what the template raises (raise_exception: exactly its
  // message), what it does wrong (with the line), a limit that is exceeded.
  Result<std::string> render(const nlohmann::ordered_json& variables, const RenderLimits& limits = {}) const;

 private:
  explicit ChatTemplate(std::shared_ptr<const jinja::Template> content) : content_(std::move(content)) {}

  std::shared_ptr<const jinja::Template> content_;
};

// The ChatML form: for models that bring no template, the most widely understood one.
extern const std::string_view kDefaultChatTemplate;

struct ChatOptions {
  bool add_generation_prompt = true;           // end with the start of the assistant's answer
  std::string bos_token, eos_token;            // as text; an empty one is left undefined, as in a tokenizer without it
  nlohmann::ordered_json tools = nullptr;      // an array of function descriptions, or null
  nlohmann::ordered_json documents = nullptr;  // or null
  nlohmann::ordered_json extra = nlohmann::ordered_json::object();  // more variables, such as enable_thinking
};

// `messages`: an array of {"role": ..., "content": ..., ...}.
Result<std::string> render_chat(const ChatTemplate& chat_template, const nlohmann::ordered_json& messages,
                                const ChatOptions& options = {}, const RenderLimits& limits = {});

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", ...
  std::string content;
};
Result<std::string> render_chat(const ChatTemplate& chat_template, std::span<const ChatMessage> messages,
                                const ChatOptions& options = {}, const RenderLimits& limits = {});

// The template that a tokenizer_config.json names: its `chat_template`, a text or a list of named texts of which the
// one called "default" counts. Errors: not_found if there is none.
Result<std::string> chat_template_source(const nlohmann::ordered_json& tokenizer_config);

}  // namespace lorikeet
