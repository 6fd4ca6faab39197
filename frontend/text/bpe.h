// Byte-pair encoding: one word into ids by merging neighbours, best rank first.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/vocabulary.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct Merge {
  uint32_t rank = 0;
  int32_t id = -1;  // what the pair becomes; -1: the pair does not merge
};

// (left id, right id) -> Merge. Open addressing, a power of two, at most half full.
class MergeTable {
 public:
  void reserve(size_t pairs);
  void put(int32_t left, int32_t right, Merge merge);  // a later pair replaces an equal earlier one
  Merge find(int32_t left, int32_t right) const;
  size_t size() const { return used_; }

 private:
  struct Slot {
    uint64_t key = UINT64_MAX;
    Merge merge;
  };
  size_t slot_of(uint64_t key) const;
  std::vector<Slot> slots_;
  size_t used_ = 0;
};

struct BpeSettings {
  std::string continuing_subword_prefix;  // before each character of a word but the first
  std::string end_of_word_suffix;         // after the last character of a word
  int32_t unknown_id = -1;                // for a character that is not in the vocabulary; -1: it is dropped
  bool fuse_unknown = false;              // neighbouring unknown characters become one unknown token
  bool byte_fallback = false;             // first try the pieces <0x00> ... <0xFF> of an unknown character
  bool ignore_merges = false;             // a word that is a piece is taken as it is
};

// Immutable after creation.
class Bpe {
 public:
  Vocabulary vocabulary;
  MergeTable merges;
  BpeSettings settings;

  // To be called once, when the members above are complete.
  void finish();

  // Working memory, reused from word to word.
  struct Scratch {
    struct Symbol {
      int32_t id;  // -1: merged away
      int32_t previous;
      int32_t next;
    };
    struct Candidate {
      uint32_t rank;
      int32_t position;
      int32_t id;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> queue;
    std::string text;
  };
  // Appends the ids of one word (valid UTF-8, below 2^31 characters). O(n log n).
  void encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

 private:
  int32_t find_character(std::string_view character, bool first, bool last, std::string& text) const;
  void split(std::string_view word, Scratch& scratch) const;
  void merge(Scratch& scratch) const;

  static constexpr size_t kDirect = 0x800;
  std::array<int32_t, kDirect> character_ids_{};  // characters of one or two bytes
  std::array<int32_t, 256> byte_ids_{};           // <0x00> ... <0xFF>; -1: missing
  bool affixes_ = false;
};

}  // namespace lorikeet
