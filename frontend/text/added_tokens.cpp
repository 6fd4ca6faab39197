#include "frontend/text/added_tokens.h"

#include <algorithm>

#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// Where the character that ends at `end` begins.
size_t previous_character(std::string_view text, size_t end) {
  do --end;
  while (end > 0 && (text[end] & 0xC0) == 0x80);
  return end;
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  const bool left = begin == 0 || !is_word(decode_utf8(text, previous_character(text, begin)).code_point);
  const bool right = end == text.size() || !is_word(decode_utf8(text, end).code_point);
  return left && right;
}

size_t skip_space_left(std::string_view text, size_t begin, size_t limit) {
  while (begin > limit) {
    const size_t previous = previous_character(text, begin);
    if (previous < limit || !is_whitespace(decode_utf8(text, previous).code_point)) break;
    begin = previous;
  }
  return begin;
}

size_t skip_space_right(std::string_view text, size_t end) {
  while (end < text.size()) {
    const Utf8Step step = decode_utf8(text, end);
    if (!is_whitespace(step.code_point)) break;
    end += step.length;
  }
  return end;
}

}  // namespace

TokenTrie::TokenTrie() { roots_.fill(-1); }

int32_t TokenTrie::find(int32_t node, uint8_t byte) const {
  while (node >= 0 && nodes_[size_t(node)].byte != byte) node = nodes_[size_t(node)].sibling;
  return node;
}

void TokenTrie::add(std::string_view text, int32_t value) {
  int32_t parent = -1;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    int32_t node = parent < 0 ? roots_[byte] : find(nodes_[size_t(parent)].child, byte);
    if (node < 0) {
      node = int32_t(nodes_.size());
      nodes_.push_back({byte, -1, parent < 0 ? -1 : nodes_[size_t(parent)].child, -1});
      (parent < 0 ? roots_[byte] : nodes_[size_t(parent)].child) = node;
    }
    parent = node;
  }
  if (parent >= 0 && nodes_[size_t(parent)].value < 0) nodes_[size_t(parent)].value = value;
}

TokenTrie::Match TokenTrie::longest(std::string_view text, size_t at) const {
  Match best;
  int32_t node = roots_[static_cast<uint8_t>(text[at])];
  for (size_t length = 1; node >= 0; ++length) {
    if (nodes_[size_t(node)].value >= 0) best = {length, nodes_[size_t(node)].value};
    if (at + length >= text.size()) break;
    node = find(nodes_[size_t(node)].child, static_cast<uint8_t>(text[at + length]));
  }
  return best;
}

Status AddedTokens::add(AddedToken token) {
  if (token.content.empty()) return Done{};
  if (token.content.size() > kLongest)
    return unsupported(
        join("[tokenizer] an added token may have ", kLongest, " bytes, one has ", token.content.size(), "."));
  const auto [known, fresh] = by_content_.try_emplace(token.content, tokens_.size());
  if (!fresh) {
    token.id = tokens_[known->second].id;
    tokens_[known->second] = std::move(token);
    return Done{};
  }
  by_id_.try_emplace(token.id, tokens_.size());
  tokens_.push_back(std::move(token));
  return Done{};
}

void AddedTokens::finish(const std::vector<std::string>& normalized_contents) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].normalized) normalized_.add(normalized_contents[i], int32_t(i));
    else raw_.add(tokens_[i].content, int32_t(i));
  }
}

void AddedTokens::split(std::string_view text, Pass pass, bool parse_special, std::vector<Segment>& segments) const {
  const TokenTrie& trie = pass == Pass::raw ? raw_ : normalized_;
  size_t done = 0;
  for (size_t at = 0; at < text.size() && !trie.empty();) {
    const TokenTrie::Match match = trie.longest(text, at);
    if (match.value < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[size_t(match.value)];
    size_t begin = at, end = at + match.length;
    at = end;  // a match that does not count still hides what it overlaps
    if (token.special && !parse_special) continue;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = skip_space_left(text, begin, done);
    if (token.rstrip) end = skip_space_right(text, end);
    if (done < begin) segments.push_back({done, begin, -1});
    segments.push_back({begin, end, int32_t(token.id)});
    done = std::max(done, end);
  }
  if (done < text.size()) segments.push_back({done, text.size(), -1});
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

}  // namespace lorikeet
