#include "frontend/dataset/example_encoder.h"

#include <algorithm>

#include "frontend/parrot_prompt.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kSpaces = " \t\n\r\v\f";
constexpr EncodeOptions kWhole{.parse_special = true, .add_special = true};
constexpr EncodeOptions kWrittenOut{.parse_special = true, .add_special = false};

// How many tokens two texts have in common at the front: where what differs between them begins.
size_t shared(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

void learn(Example& example, size_t from, size_t to) {
  for (size_t i = from; i < to; ++i) example.labels[i] = example.tokens[i];
}

bool is_space(std::string_view text) { return text.find_first_not_of(kSpaces) == text.npos; }

size_t count_places(const std::vector<ChatMessage>& messages) {
  size_t places = 0;
  for (const ChatMessage& message : messages)
    for (size_t at = message.content.find(kPicturePlaceholder); at != std::string::npos;
         at = message.content.find(kPicturePlaceholder, at + kPicturePlaceholder.size()))
      ++places;
  return places;
}

// The published data loader puts the place of a picture in front of its message.
std::string with_place_in_front(std::string text) {
  const size_t at = text.find(kPicturePlaceholder);
  if (at == text.npos) return text;
  text.erase(at, kPicturePlaceholder.size());
  if (is_space(text)) return std::string(kPicturePlaceholder);
  const size_t first = text.find_first_not_of(kSpaces);
  return picture_question(std::string_view(text).substr(first, text.find_last_not_of(kSpaces) + 1 - first));
}

}  // namespace

Result<ExampleEncoder> ExampleEncoder::create(const Tokenizer& tokenizer, const EncodingOptions& options) {
  ExampleEncoder encoder(tokenizer, options);
  if (options.labels == LabelRule::standard && !tokenizer.special().eos.id)
    return not_found("[dataset] expected an end token in the tokenizer to put after each text, given none.");
  if (options.vocabulary <= 0) encoder.options_.vocabulary = int64_t(tokenizer.vocabulary_size());
  const std::string& own = options.chat_template.empty() ? tokenizer.chat_template() : options.chat_template;
  LK_ASSIGN(ChatTemplate chat, ChatTemplate::parse(own.empty() ? kDefaultChatTemplate : std::string_view(own)));
  encoder.chat_ = std::move(chat);
  return encoder;
}

int32_t ExampleEncoder::padding() const {
  const SpecialTokens& special = tokenizer_->special();
  for (const SpecialToken* token : {&special.padding, &special.unknown, &special.eos})
    if (token->id) return *token->id;
  return 0;
}

Result<Example> ExampleEncoder::encode(const ExampleRecord& record) const {
  const auto in_its_kind = [&]() -> Result<Example> {
    if (!record.picture.empty() && !sees())
      return corrupt(
          "expected a record without a picture for a model that reads text alone, given one with a picture.");
    if (record.kind == RecordKind::ids) return encode_ids(record);
    const bool as_chat = record.kind == RecordKind::instruction && options_.prompt == PromptTemplate::chat;
    if (record.kind == RecordKind::messages || as_chat) {
      std::vector<ChatMessage> messages = record.messages;
      if (as_chat) {
        const std::string separator = record.input.empty() ? "" : "\n";
        messages = {{"user", record.instruction + separator + record.input}, {"assistant", record.answer}};
      }
      return sees() ? encode_parrot(record, std::move(messages)) : encode_chat(messages);
    }
    if (record.kind == RecordKind::text)
      return record.picture.empty() ? encode_text(record.text, record.answer) : encode_caption(record);
    if (!record.picture.empty())
      return corrupt("expected a conversation about the picture or a text about it, given a record of another form.");
    // The published trainer ends an answer with a line end.
    return encode_text(instruction_text(options_.prompt, record.instruction, record.input), record.answer + "\n");
  };
  Result<Example> example = in_its_kind();
  if (!example && !record.where.empty()) example.error().message = join(record.where, ": ", example.error().message);
  return example;
}

Result<Example> ExampleEncoder::encode_ids(const ExampleRecord& record) const {
  for (const int32_t id : record.ids)
    if (id < 0 || id >= options_.vocabulary)
      return corrupt(join("expected token ids below ", options_.vocabulary, ", given ", id, "."));
  for (const int32_t id : record.labels)
    if (id >= options_.vocabulary)
      return corrupt(join("expected labels below ", options_.vocabulary, ", given ", id, "."));
  if (!record.picture.empty()) return corrupt("expected a conversation about the picture, given token ids.");
  return Example{record.ids, record.labels.empty() ? record.ids : record.labels, {}};
}

Result<Example> ExampleEncoder::encode_text(const std::string& prompt, const std::string& answer) const {
  Example example;
  LK_ASSIGN(example.tokens, tokenizer_->encode(prompt + answer, kWhole));
  size_t learnt_from = 0;
  if (options_.answers_only && !answer.empty()) {
    LK_ASSIGN(const std::vector<int32_t> prompt_ids, tokenizer_->encode(prompt, kWhole));
    learnt_from = shared(prompt_ids, example.tokens);
  }
  append_end(example);
  example.labels.assign(example.tokens.size(), kNoLabel);
  learn(example, learnt_from, example.tokens.size());
  return example;
}

// The picture, what is said about it, the end: no turns, no question.
Result<Example> ExampleEncoder::encode_caption(const ExampleRecord& record) const {
  std::string text = record.text + record.answer;
  if (const size_t at = text.find(kPicturePlaceholder); at != text.npos) text.erase(at, kPicturePlaceholder.size());
  if (text.find(kPicturePlaceholder) != text.npos)
    return corrupt("expected at most one place <image> for one picture, given more.");
  if (is_space(text)) return corrupt("expected a text about the picture, given an empty one.");
  Example example{.tokens = {kPictureToken}, .picture = record.picture};
  LK_ASSIGN(const std::vector<int32_t> ids, tokenizer_->encode(text, kWrittenOut));
  example.tokens.insert(example.tokens.end(), ids.begin(), ids.end());
  append_end(example);
  example.labels.assign(example.tokens.size(), kNoLabel);
  learn(example, 1, example.tokens.size());
  return example;
}

Result<std::string> ExampleEncoder::written(std::span<const ChatMessage> messages, bool to_be_answered) const {
  const SpecialTokens& special = tokenizer_->special();
  return render_chat(
      *chat_, messages,
      {.add_generation_prompt = to_be_answered, .bos_token = special.bos.text, .eos_token = special.eos.text});
}

Result<Example> ExampleEncoder::encode_chat(const std::vector<ChatMessage>& messages) const {
  LK_ASSIGN(const std::string text, written(messages, false));
  Example example;
  LK_ASSIGN(example.tokens, tokenizer_->encode(text, kWrittenOut));
  const size_t written_tokens = example.tokens.size();
  append_end(example);
  example.labels.assign(example.tokens.size(), kNoLabel);
  if (options_.answers_only) {
    LK_TRY(mask_prompts(example, messages, text));
    const bool answered = messages.back().role == "assistant";
    if (answered) learn(example, written_tokens, example.tokens.size());
  } else {
    learn(example, 0, example.tokens.size());
  }
  return example;
}

// Only what the template writes from the begin of each answer to the end of its turn is learnt.
Status ExampleEncoder::mask_prompts(Example& example, const std::vector<ChatMessage>& messages,
                                    const std::string& text) const {
  const std::span<const ChatMessage> all(messages);
  bool any = false;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].role != "assistant") continue;
    any = true;
    LK_ASSIGN(const std::string before, written(all.first(i), true));
    LK_ASSIGN(const std::string through, written(all.first(i + 1), false));
    if (!text.starts_with(before) || !text.starts_with(through))
      return unsupported(
          "expected a chat template that writes each turn once and for all, so that its answers can be told from the "
          "rest, given one that writes earlier turns anew.");
    LK_ASSIGN(const std::vector<int32_t> ids_before, tokenizer_->encode(before, kWrittenOut));
    LK_ASSIGN(const std::vector<int32_t> ids_through, tokenizer_->encode(through, kWrittenOut));
    learn(example, shared(ids_before, example.tokens), shared(ids_through, example.tokens));
  }
  if (!any) return corrupt("expected at least one message of the assistant, given none.");
  return Done{};
}

Result<Example> ExampleEncoder::encode_parrot(const ExampleRecord& record, std::vector<ChatMessage> messages) const {
  const auto user = std::find_if(messages.begin(), messages.end(), [](const auto& m) { return m.role == "user"; });
  const size_t places = count_places(messages);
  const size_t pictures = record.picture.empty() ? 0 : 1;
  if (places > pictures)
    return corrupt(join("expected as many places <image> as pictures, ", pictures, ", given ", places, "."));
  if (places < pictures) {
    if (user == messages.end()) return corrupt("expected a message of the user about the picture, given none.");
    user->content.insert(0, kPicturePlaceholder);
  }
  for (ChatMessage& message : messages) message.content = with_place_in_front(std::move(message.content));
  LK_ASSIGN(const std::vector<ParrotTurn> turns, parrot_conversation_ids(*tokenizer_, messages));
  Example example{.picture = record.picture};
  for (const ParrotTurn& turn : turns) {
    const size_t first = example.tokens.size();
    example.tokens.insert(example.tokens.end(), turn.ids.begin(), turn.ids.end());
    example.labels.resize(example.tokens.size(), kNoLabel);
    learn(example, first + turn.answer, example.tokens.size());
  }
  return example;
}

// Unless the text ends with an end token already, spaces behind it aside.
void ExampleEncoder::append_end(Example& example) const {
  if (options_.labels == LabelRule::published) return;
  const SpecialTokens& special = tokenizer_->special();
  std::vector<int32_t>& ids = example.tokens;
  const auto is_end = [&](int32_t id) {
    return id == special.eos.id || std::find(special.ends.begin(), special.ends.end(), id) != special.ends.end();
  };
  const auto last = std::find_if(ids.rbegin(), ids.rend(), [&](int32_t id) {
    return is_end(id) || !is_space(tokenizer_->decode({&id, 1}));
  });
  if (last == ids.rend() || !is_end(*last)) ids.push_back(*special.eos.id);
}

}  // namespace lorikeet
