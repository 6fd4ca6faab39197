// From pieces to text, one piece at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lorikeet {

struct DecodeStep {
  enum class Kind : uint8_t {
    byte_level,     // byte-level characters to bytes to text; all tokens become one
    byte_fallback,  // runs of <0x00> ... <0xFF> to text, or to one U+FFFD for each if they are no valid UTF-8
    replace,        // `content` for `pattern`, in each token
    strip,          // up to `start` and `stop` characters `content` from the ends of each token
    fuse,           // all tokens become one
    metaspace,      // spaces for `pattern`, nothing for it in the first token if `strip_first`
    word_suffix,    // the suffix `pattern` becomes a space, in the last token nothing
    join_spaces,    // a space between tokens
  };
  Kind kind;
  std::string pattern = {};
  std::string content = {};
  size_t start = 0, stop = 0;
  bool strip_first = false;
};

// Runs tokens through the steps. What comes out after finish() depends only on the tokens, not on when they came; what
// comes out earlier is as much of it as is certain, in whole characters. Token texts must be valid UTF-8.
class DecodeChain {
 public:
  explicit DecodeChain(const std::vector<DecodeStep>& steps) : steps_(&steps), states_(steps.size()) {}

  void push(std::string_view token, std::string& out);
  void finish(std::string& out);  // and starts anew

 private:
  struct State {
    std::string held;       // text that is not certain yet
    std::string run;        // byte_fallback: the bytes of the current run
    size_t stripped = 0;    // strip: characters taken from the front of this token
    bool overlong = false;  // byte_fallback: this token is no byte
    bool any = false;       // a token has come (metaspace, word_suffix, join_spaces)
    bool inside = false;    // join_spaces: in a token
  };
  void text(size_t step, std::string_view fragment);
  void end_token(size_t step);
  void end_input(size_t step);
  void emit(size_t step, std::string_view whole_token);
  void flush_bytes(size_t step);
  void replace(size_t step, std::string_view fragment);
  void strip(size_t step, std::string_view fragment);
  void byte_level(size_t step);

  const std::vector<DecodeStep>* steps_;
  std::vector<State> states_;
  std::string* out_ = nullptr;
};

}  // namespace lorikeet
