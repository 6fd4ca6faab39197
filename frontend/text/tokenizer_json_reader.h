// Reads the text of a tokenizer.json. Internal to this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/json_fields.h"
#include "frontend/text/vocabulary.h"

namespace lorikeet {

// The halves of all merges, one after another.
class MergeList {
 public:
  void add(std::string_view left, std::string_view right);
  size_t size() const { return ends_.size() / 2; }
  std::string_view left(size_t i) const { return half(2 * i); }
  std::string_view right(size_t i) const { return half(2 * i + 1); }

 private:
  std::string_view half(size_t i) const;
  std::string text_;
  std::vector<size_t> ends_;
};

// The two long parts go straight into their tables, as a document they would take seconds and hundreds of megabytes.
struct TokenizerJson {
  Json rest;  // all but model.vocab and model.merges
  bool has_vocabulary = false, has_merges = false;
  Vocabulary vocabulary;  // model.vocab: {"piece": id}
  MergeList merges;       // model.merges: ["left right"] or [["left", "right"]]
};

Result<TokenizerJson> parse_tokenizer_json(std::string_view text);

}  // namespace lorikeet
