// The pieces of a vocabulary and their ids.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

// Owns the text of all pieces in one block, and a table that finds a piece by its text.
class Vocabulary {
 public:
  static constexpr int64_t kIdLimit = int64_t(1) << 20;  // ids below this are always fine, holes or not

  // How much is about to be added.
  void reserve(size_t pieces, size_t bytes);
  // Ids from `count` on are refused, but never those below kIdLimit. To be bound to the size of the file: a hostile id
  // must not cost memory.
  void allow_ids(size_t count) { id_limit_ = std::max(id_limit_, count); }
  // Two texts may share an id (the first one is its piece); a text that is already there keeps its id.
  Status add(std::string_view text, int64_t id);
  // Gives an id a piece that is not found by its text: an added token that covers a piece of the model.
  Status name(int64_t id, std::string_view text);

  std::optional<int32_t> find(std::string_view text) const;
  std::string_view piece(int32_t id) const;  // empty if there is no such id
  bool has(int32_t id) const { return id >= 0 && size_t(id) < spans_.size() && spans_[size_t(id)].length != kAbsent; }
  size_t size() const { return spans_.size(); }  // highest id + 1
  size_t longest() const { return longest_; }    // bytes

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  struct Span {
    uint32_t begin = 0;
    uint32_t length = kAbsent;
  };
  struct Slot {
    int32_t id = -1;
    Span text;
  };
  Result<Span> store(std::string_view text, int64_t id);
  size_t slot_of(std::string_view text) const;
  std::string_view view(Span span) const { return std::string_view(text_).substr(span.begin, span.length); }

  std::string text_;
  std::vector<Span> spans_;  // by id
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  size_t used_ = 0;
  size_t longest_ = 0;
  size_t id_limit_ = size_t(kIdLimit);
};

}  // namespace lorikeet
