#include "frontend/text/tokenizer.h"

#include "frontend/text/tokenizer_parts.h"
#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kLongestText = size_t(1) << 30;

}  // namespace

std::optional<int32_t> TokenizerParts::find(std::string_view text) const {
  if (const AddedToken* token = added.find(text)) return int32_t(token->id);
  return model.vocabulary.find(text);
}

Status TokenizerParts::add_token(AddedToken token) {
  if (token.content.empty()) return Done{};
  if (const auto known = find(token.content)) token.id = *known;
  LK_TRY(model.vocabulary.name(token.id, token.content));
  return added.add(std::move(token));
}

Status TokenizerParts::finish() {
  model.finish();
  std::vector<std::string> normalized(added.all().size());
  for (size_t i = 0; i < normalized.size(); ++i) {
    if (!added.all()[i].normalized) continue;
    LK_ASSIGN(normalized[i], normalizer.run(added.all()[i].content));
  }
  added.finish(normalized);
  for (const auto* ids : {&before, &after})
    for (const int32_t id : *ids)
      if (!model.vocabulary.has(id))
        return corrupt(
            join("[tokenizer] the template puts the id ", id, " around a text, which the vocabulary lacks."));
  return Done{};
}

struct Tokenizer::Impl {
  TokenizerParts parts;

  // The ids of a stretch of text without raw added tokens. `first`: it begins where the input begins.
  Status encode_stretch(std::string_view text, bool first, bool parse_special, std::vector<int32_t>& ids) const;
  bool skips(int32_t id) const {
    const AddedToken* token = parts.added.find(id);
    return token && token->special;
  }
};

Status Tokenizer::Impl::encode_stretch(std::string_view text, bool first, bool parse_special,
                                       std::vector<int32_t>& ids) const {
  LK_ASSIGN(const std::string normalized, parts.normalizer.run(std::string(text)));
  std::vector<AddedTokens::Segment> segments;
  parts.added.split(normalized, AddedTokens::Pass::normalized, parse_special, segments);
  Bpe::Scratch scratch;
  for (const auto& segment : segments) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
      continue;
    }
    const size_t size = segment.end - segment.begin;
    Words words{normalized.substr(segment.begin, size), {{0, size, first && segment.begin == 0}}};
    LK_TRY(parts.pre_tokenizer.run(words));
    for (const auto& word : words.ranges)
      parts.model.encode(std::string_view(words.text).substr(word.begin, word.end - word.begin), scratch, ids);
  }
  return Done{};
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::from_json(const TokenizerFiles& files) {
  auto impl = std::make_unique<Impl>();
  LK_ASSIGN(impl->parts, read_tokenizer_json(files));
  return Tokenizer(std::move(impl));
}

Result<Tokenizer> Tokenizer::from_gguf(const GgufVocabulary& vocabulary) {
  auto impl = std::make_unique<Impl>();
  LK_ASSIGN(impl->parts, read_gguf_vocabulary(vocabulary));
  return Tokenizer(std::move(impl));
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > kLongestText)
    return invalid(join("[tokenizer] a text may have ", kLongestText, " bytes, this one has ", text.size(), "."));
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = replace_invalid_utf8(text);
    text = repaired;
  }
  const TokenizerParts& parts = impl_->parts;
  std::vector<int32_t> ids;
  if (options.add_special) ids = parts.before;
  std::vector<AddedTokens::Segment> segments;
  parts.added.split(text, AddedTokens::Pass::raw, options.parse_special, segments);
  for (const auto& segment : segments) {
    const std::string_view stretch = text.substr(segment.begin, segment.end - segment.begin);
    if (segment.id >= 0) ids.push_back(segment.id);
    else LK_TRY(impl_->encode_stretch(stretch, segment.begin == 0, options.parse_special, ids));
  }
  if (options.add_special) ids.insert(ids.end(), parts.after.begin(), parts.after.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  const TokenizerParts& parts = impl_->parts;
  DecodeChain chain(parts.decoder);
  std::string text;
  for (const int32_t id : ids)
    if (parts.model.vocabulary.has(id) && !(options.skip_special && impl_->skips(id)))
      chain.push(parts.model.vocabulary.piece(id), text);
  chain.finish(text);
  return text;
}

size_t Tokenizer::vocabulary_size() const { return impl_->parts.model.vocabulary.size(); }
std::string_view Tokenizer::id_to_piece(int32_t id) const { return impl_->parts.model.vocabulary.piece(id); }
std::optional<int32_t> Tokenizer::token_to_id(std::string_view piece) const { return impl_->parts.find(piece); }
bool Tokenizer::is_special(int32_t id) const { return impl_->skips(id); }
const SpecialTokens& Tokenizer::special() const { return impl_->parts.special; }
const std::string& Tokenizer::chat_template() const { return impl_->parts.chat_template; }
const std::vector<std::string>& Tokenizer::notices() const { return impl_->parts.notices; }

struct StreamDecoder::Impl {
  const Tokenizer::Impl* tokenizer;
  DecodeOptions options;
  DecodeChain chain;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, DecodeOptions options)
    : impl_(std::make_unique<Impl>(Impl{tokenizer.impl_.get(), options, DecodeChain(tokenizer.impl_->parts.decoder)})) {
}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::push(int32_t id) {
  std::string text;
  const auto& vocabulary = impl_->tokenizer->parts.model.vocabulary;
  if (vocabulary.has(id) && !(impl_->options.skip_special && impl_->tokenizer->skips(id)))
    impl_->chain.push(vocabulary.piece(id), text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  impl_->chain.finish(text);
  return text;
}

}  // namespace lorikeet
