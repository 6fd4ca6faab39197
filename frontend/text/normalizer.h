// The changes that a tokenizer makes to its text before it cuts it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/text_pattern.h"
#include "frontend/text/unicode_forms.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct NormalizerStep {
  enum class Kind : uint8_t { unicode_form, lower_case, prepend, replace, strip, strip_accents, byte_level };
  Kind kind;
  UnicodeForm form = UnicodeForm::nfc;      // unicode_form
  std::string content = {};                 // prepend, replace
  std::optional<TextPattern> pattern = {};  // replace
  bool left = false, right = false;         // strip
};

class Normalizer {
 public:
  std::vector<NormalizerStep> steps;

  // Valid UTF-8 in, valid UTF-8 out. An Error if a pattern gives up, or if the text would grow beyond all reason.
  Result<std::string> run(std::string text) const;
};

}  // namespace lorikeet
