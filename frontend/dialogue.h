// Dialogue: a conversation in turns on one slot of a session. It keeps the messages and writes all of them down anew
// for each turn, in the model's own chat template; the session reads only what differs from what it has. So a template
// may change earlier turns (drop a chain of thought, trim an answer) and the model still sees what the template says.
// Owns nothing of the model or the session, which must outlive it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/chat/chat_template.h"
#include "frontend/generation.h"

namespace lorikeet {

struct DialogueOptions {
  uint32_t slot = 0;
  std::string system;         // the first message; empty: none, so that the template's own holds
  std::string chat_template;  // Jinja source; empty: the model's own, or ChatML if it has none
  uint32_t pictures = 0;      // that the session's slot has: the first question is about them
  Notice notice;
};

class Dialogue {
 public:
  // Errors: not_found when the model has no tokenizer; what is wrong with the template.
  static Result<Dialogue> create(Model& model, Session& session, const DialogueOptions& options = {});

  // Adds the question, answers it and adds the answer. After an error, or when it was cancelled before the first word,
  // the messages are as before.
  Result<Answer> ask(std::string_view question, const GenerationOptions& options, const OnPiece& on_piece);
  // The same for messages that are given as they are; they replace those of before. The last one is to be answered.
  Result<Answer> answer(std::vector<ChatMessage> messages, const GenerationOptions& options, const OnPiece& on_piece);
  // What the model is given for these messages: token ids, with kPictureToken in the places of pictures. Parrot's own
  // way of writing them down decides for models that see, whatever template their files have.
  Result<std::vector<int32_t>> prompt(const std::vector<ChatMessage>& messages) const;
  void reset();  // back to the system message
  // The session's slot has so many pictures from now on: the conversation begins anew, its first question about them.
  void set_pictures(uint32_t count);

  const std::vector<ChatMessage>& messages() const { return messages_; }
  const std::vector<std::string>& stops() const { return stops_; }  // texts that end an answer too

 private:
  Dialogue(Model& model, Session& session, const DialogueOptions& options, ChatTemplate chat_template);

  Generator generator_;
  ChatTemplate template_;
  ChatOptions template_options_;
  std::string system_;
  uint32_t pictures_ = 0;
  std::vector<std::string> stops_;  // ends of a turn that are no tokens of this model
  std::vector<ChatMessage> messages_;
};

}  // namespace lorikeet
