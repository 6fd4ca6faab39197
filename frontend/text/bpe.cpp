#include "frontend/text/bpe.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "frontend/text/utf8.h"

namespace lorikeet {
namespace {

uint64_t pair_key(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }

uint64_t mix(uint64_t x) {  // the finaliser of splitmix64
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

}  // namespace

void MergeTable::reserve(size_t pairs) {
  const size_t wanted = std::bit_ceil(2 * pairs + 2);
  if (wanted <= slots_.size()) return;
  std::vector<Slot> old(wanted);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.key != UINT64_MAX) slots_[slot_of(slot.key)] = slot;
}

size_t MergeTable::slot_of(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = mix(key) & mask;
  while (slots_[at].key != UINT64_MAX && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

void MergeTable::put(int32_t left, int32_t right, Merge merge) {
  if (2 * (used_ + 1) > slots_.size()) reserve(2 * used_ + 8);
  Slot& slot = slots_[slot_of(pair_key(left, right))];
  used_ += slot.key == UINT64_MAX;
  slot = {pair_key(left, right), merge};
}

Merge MergeTable::find(int32_t left, int32_t right) const {
  if (slots_.empty()) return {};
  const Slot& slot = slots_[slot_of(pair_key(left, right))];
  return slot.key == UINT64_MAX ? Merge{} : slot.merge;
}

void Bpe::finish() {
  affixes_ = !settings.continuing_subword_prefix.empty() || !settings.end_of_word_suffix.empty();
  std::string text;
  for (size_t c = 0; c < kDirect; ++c) {
    text.clear();
    append_utf8(text, char32_t(c));
    character_ids_[c] = vocabulary.find(text).value_or(-1);
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    byte_ids_[byte] = vocabulary.find(name).value_or(-1);
  }
}

int32_t Bpe::find_character(std::string_view character, bool first, bool last, std::string& text) const {
  if (!affixes_) {
    const auto lead = static_cast<uint8_t>(character[0]);
    if (character.size() == 1) return character_ids_[lead];
    if (character.size() == 2)
      return character_ids_[size_t(lead & 0x1F) << 6 | (static_cast<uint8_t>(character[1]) & 0x3F)];
    return vocabulary.find(character).value_or(-1);
  }
  text.clear();
  if (!first) text += settings.continuing_subword_prefix;
  text += character;
  if (last) text += settings.end_of_word_suffix;
  return vocabulary.find(text).value_or(-1);
}

void Bpe::split(std::string_view word, Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  const auto add = [&](int32_t id) {
    const auto index = int32_t(symbols.size());
    symbols.push_back({id, index - 1, index + 1});
  };
  bool unknown_waits = false;
  const auto flush_unknown = [&] {
    if (unknown_waits) add(settings.unknown_id);
    unknown_waits = false;
  };
  for (size_t at = 0; at < word.size();) {
    const size_t length = utf8_length(word[at]);
    const bool first = at == 0, last = at + length >= word.size();
    const std::string_view character = word.substr(at, length);
    at += length;
    const int32_t id = find_character(character, first, last, scratch.text);
    if (id >= 0) {
      flush_unknown();
      add(id);
      continue;
    }
    // With affixes, the bytes of the affixed text count.
    const std::string_view bytes = affixes_ ? std::string_view(scratch.text) : character;
    const auto byte_id = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
    if (settings.byte_fallback && std::all_of(bytes.begin(), bytes.end(), [&](char b) { return byte_id(b) >= 0; })) {
      for (const char byte : bytes) add(byte_id(byte));
      continue;
    }
    if (settings.unknown_id < 0) continue;
    if (!settings.fuse_unknown) flush_unknown();
    unknown_waits = true;
  }
  flush_unknown();
  if (!symbols.empty()) symbols.back().next = -1;
}

void Bpe::merge(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;
  queue.clear();
  // The lowest rank is on top; of equal ranks, the leftmost.
  const auto worse = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto consider = [&](int32_t position) {
    const int32_t next = symbols[size_t(position)].next;
    if (next < 0) return false;
    const Merge found = merges.find(symbols[size_t(position)].id, symbols[size_t(next)].id);
    if (found.id >= 0) queue.push_back({found.rank, position, found.id});
    return found.id >= 0;
  };
  const auto push = [&](int32_t position) {
    if (consider(position)) std::push_heap(queue.begin(), queue.end(), worse);
  };
  for (size_t i = 0; i + 1 < symbols.size(); ++i) consider(int32_t(i));
  std::make_heap(queue.begin(), queue.end(), worse);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), worse);
    const Scratch::Candidate best = queue.back();
    queue.pop_back();
    auto& left = symbols[size_t(best.position)];
    if (left.id < 0 || left.next < 0) continue;
    auto& right = symbols[size_t(left.next)];
    if (merges.find(left.id, right.id).id != best.id) continue;  // one of the two has changed meanwhile
    left.id = best.id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[size_t(left.next)].previous = best.position;
    if (left.previous >= 0) push(left.previous);
    push(best.position);
  }
}

void Bpe::encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (word.empty()) return;
  if (settings.ignore_merges) {
    if (const auto id = vocabulary.find(word)) return ids.push_back(*id);
  }
  split(word, scratch);
  merge(scratch);
  for (const auto& symbol : scratch.symbols)
    if (symbol.id >= 0) ids.push_back(symbol.id);
}

}  // namespace lorikeet
