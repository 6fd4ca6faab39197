#include "frontend/text/decode_chain.h"

#include <algorithm>
#include <utility>

#include "frontend/text/byte_level.h"
#include "frontend/text/utf8.h"

namespace lorikeet {
namespace {

using Kind = DecodeStep::Kind;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr size_t kByteToken = 6;  // characters of <0x00>

// The byte that a token like <0x0A> stands for, or -1.
int byte_of(std::string_view token) {
  if (token.size() != kByteToken || !token.starts_with("<0x") || token[5] != '>') return -1;
  const int high = hex_digit(token[3]), low = hex_digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string replaced(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string out;
  size_t done = 0;
  for (size_t at = text.find(pattern); at != std::string_view::npos; at = text.find(pattern, done)) {
    out += text.substr(done, at - done);
    out += content;
    done = at + pattern.size();
  }
  out += text.substr(done);
  return out;
}

// The longest proper beginning of `pattern` that `text` ends with.
size_t open_match(std::string_view text, std::string_view pattern) {
  for (size_t length = std::min(pattern.size() - 1, text.size()); length > 0; --length)
    if (text.substr(text.size() - length) == pattern.substr(0, length)) return length;
  return 0;
}

}  // namespace

void DecodeChain::push(std::string_view token, std::string& out) {
  out_ = &out;
  text(0, token);
  end_token(0);
}

void DecodeChain::finish(std::string& out) {
  out_ = &out;
  end_input(0);
  std::fill(states_.begin(), states_.end(), State{});
}

void DecodeChain::emit(size_t step, std::string_view whole_token) {
  text(step, whole_token);
  end_token(step);
}

// A part of the current token. Fragments never cut a character.
void DecodeChain::text(size_t step, std::string_view fragment) {
  if (step == steps_->size()) {
    *out_ += fragment;
    return;
  }
  State& state = states_[step];
  const DecodeStep& what = (*steps_)[step];
  switch (what.kind) {
    case Kind::byte_level:
    case Kind::word_suffix:
      state.held += fragment;
      return;
    case Kind::replace:
      return replace(step, fragment);
    case Kind::strip:
      return strip(step, fragment);
    case Kind::fuse:
      return text(step + 1, fragment);
    case Kind::metaspace:
      return text(step + 1, replaced(fragment, what.pattern, what.strip_first && !state.any ? "" : " "));
    case Kind::join_spaces:
      if (state.any && !state.inside) text(step + 1, " ");
      state.any = state.inside = true;
      return text(step + 1, fragment);
    case Kind::byte_fallback:
      break;
  }
  if (state.overlong) return text(step + 1, fragment);
  state.held += fragment;
  if (state.held.size() <= kByteToken) return;
  const std::string token = std::move(state.held);
  state.held.clear();
  state.overlong = true;
  flush_bytes(step);
  text(step + 1, token);
}

void DecodeChain::end_token(size_t step) {
  if (step == steps_->size()) return;
  State& state = states_[step];
  switch ((*steps_)[step].kind) {
    case Kind::byte_level:
      return byte_level(step);
    case Kind::fuse:
      return;
    case Kind::replace:
      text(step + 1, std::exchange(state.held, {}));
      break;
    case Kind::strip:
      state.held.clear();
      state.stripped = 0;
      break;
    case Kind::metaspace:
      state.any = true;
      break;
    case Kind::join_spaces:
      state.inside = false;
      break;
    case Kind::word_suffix: {
      // The token before this one was not the last.
      if (state.any) emit(step + 1, replaced(state.run, (*steps_)[step].pattern, " "));
      state.run = std::exchange(state.held, {});
      state.any = true;
      return;
    }
    case Kind::byte_fallback: {
      if (std::exchange(state.overlong, false)) break;
      const int byte = byte_of(state.held);
      const std::string token = std::exchange(state.held, {});
      if (byte >= 0) return state.run.push_back(static_cast<char>(byte));
      flush_bytes(step);
      text(step + 1, token);
      break;
    }
  }
  end_token(step + 1);
}

void DecodeChain::end_input(size_t step) {
  if (step == steps_->size()) return;
  State& state = states_[step];
  switch ((*steps_)[step].kind) {
    case Kind::byte_level:
      if (!state.run.empty()) text(step + 1, kReplacementUtf8);
      end_token(step + 1);
      break;
    case Kind::fuse:
      end_token(step + 1);
      break;
    case Kind::byte_fallback:
      flush_bytes(step);
      break;
    case Kind::word_suffix:
      if (state.any) emit(step + 1, replaced(state.run, (*steps_)[step].pattern, ""));
      break;
    default:
      break;
  }
  end_input(step + 1);
}

void DecodeChain::flush_bytes(size_t step) {
  const std::string run = std::exchange(states_[step].run, {});
  if (run.empty()) return;
  if (is_valid_utf8(run)) return emit(step + 1, run);
  for (size_t i = 0; i < run.size(); ++i) emit(step + 1, kReplacementUtf8);
}

void DecodeChain::replace(size_t step, std::string_view fragment) {
  const DecodeStep& what = (*steps_)[step];
  State& state = states_[step];
  state.held += fragment;
  std::string held = std::move(state.held);
  size_t done = 0;
  for (size_t at = held.find(what.pattern); at != std::string::npos; at = held.find(what.pattern, done)) {
    text(step + 1, std::string_view(held).substr(done, at - done));
    text(step + 1, what.content);
    done = at + what.pattern.size();
  }
  const size_t open = open_match(std::string_view(held).substr(done), what.pattern);
  text(step + 1, std::string_view(held).substr(done, held.size() - done - open));
  state.held = held.substr(held.size() - open);
}

void DecodeChain::strip(size_t step, std::string_view fragment) {
  const DecodeStep& what = (*steps_)[step];
  State& state = states_[step];
  const size_t length = what.content.size();
  while (state.stripped < what.start && fragment.starts_with(what.content)) {
    fragment.remove_prefix(length);
    ++state.stripped;
  }
  if (!fragment.empty()) state.stripped = what.start;  // the front is over
  state.held += fragment;
  size_t keep = 0;  // what may still turn out to be the end of the token
  while (keep / length < what.stop &&
         std::string_view(state.held).substr(0, state.held.size() - keep).ends_with(what.content))
    keep += length;
  const std::string certain = state.held.substr(0, state.held.size() - keep);
  state.held.erase(0, certain.size());
  text(step + 1, certain);
}

void DecodeChain::byte_level(size_t step) {
  State& state = states_[step];
  state.run += byte_level_bytes(std::exchange(state.held, {}));
  std::string certain;
  size_t at = 0;
  while (at < state.run.size()) {
    const Utf8Step character = decode_utf8(state.run, at);
    if (character.verdict == Utf8Verdict::incomplete) break;
    if (character.verdict == Utf8Verdict::valid) certain += std::string_view(state.run).substr(at, character.length);
    else certain += kReplacementUtf8;
    at += character.length;
  }
  state.run.erase(0, at);
  text(step + 1, certain);
}

}  // namespace lorikeet
