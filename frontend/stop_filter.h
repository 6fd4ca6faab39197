// StopFilter: passes streamed text on, but nothing that belongs to a stop string, or still may. Owns the text it holds
// back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lorikeet {

class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops);  // empty ones do not count

  // The text that is certain by now. Once a stop string has come, `stopped` is true and nothing more comes out.
  std::string push(std::string_view text);
  std::string finish();  // what was held back, when the text ends without a stop string
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace lorikeet
