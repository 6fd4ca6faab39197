// Tokens that are cut out of the text before the model sees it: special ones and ones added by hand.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

struct AddedToken {
  std::string content = {};
  int64_t id = -1;
  bool special = false;
  bool normalized = false;   // looked for in the normalised text, as its own normalised content
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // ... and after it
  bool single_word = false;  // only between characters that are not of words
};

// Finds the longest of many strings at a place. A trie with sibling lists.
class TokenTrie {
 public:
  TokenTrie();
  void add(std::string_view text, int32_t value);  // the first of equal texts stays
  struct Match {
    size_t length = 0;
    int32_t value = -1;  // -1: nothing begins here
  };
  Match longest(std::string_view text, size_t at) const;
  bool empty() const { return nodes_.empty(); }

 private:
  struct Node {
    uint8_t byte;
    int32_t child = -1;
    int32_t sibling = -1;
    int32_t value = -1;
  };
  int32_t find(int32_t first, uint8_t byte) const;
  std::array<int32_t, 256> roots_;
  std::vector<Node> nodes_;
};

class AddedTokens {
 public:
  static constexpr size_t kLongest = 1024;  // bytes of a token's content

  // A token whose content is already there replaces its flags, not its id. Contents without bytes are ignored.
  Status add(AddedToken token);
  // To be called once after the last add. `normalized_contents[i]` is what token i looks like in normalised text; only
  // tokens with `normalized` need one.
  void finish(const std::vector<std::string>& normalized_contents);

  struct Segment {
    size_t begin = 0;  // bytes
    size_t end = 0;
    int32_t id = -1;  // -1: ordinary text
  };
  enum class Pass { raw, normalized };
  // Appends the segments of the text, in order. Without `parse_special` special tokens stay ordinary text.
  void split(std::string_view text, Pass pass, bool parse_special, std::vector<Segment>& segments) const;

  const std::vector<AddedToken>& all() const { return tokens_; }
  const AddedToken* find(std::string_view content) const;
  const AddedToken* find(int32_t id) const;

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, size_t> by_content_;
  std::unordered_map<int64_t, size_t> by_id_;
  TokenTrie raw_;
  TokenTrie normalized_;
};

}  // namespace lorikeet
