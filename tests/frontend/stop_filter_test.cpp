#include "frontend/stop_filter.h"

#include "tests/support/catch.h"

using namespace lorikeet;

namespace {

// All that comes out, with the text cut into pieces of `size` bytes.
std::string passed(const std::vector<std::string>& stops, const std::string& text, size_t size, bool& stopped) {
  StopFilter filter(stops);
  std::string out;
  for (size_t at = 0; at < text.size(); at += size) out += filter.push(text.substr(at, size));
  stopped = filter.stopped();
  return out + filter.finish();
}

}  // namespace

TEST_CASE("stop filter: a stop string is found however the text is cut") {
  struct Case {
    std::vector<std::string> stops;
    std::string text, out;
    bool stopped;
  };
  const Case table[] = {{{}, "nothing stops", "nothing stops", false},
                        {{""}, "empty ones do not count", "empty ones do not count", false},
                        {{"STOP"}, "one STOP two", "one ", true},
                        {{"STOP"}, "one STO", "one STO", false},
                        {{"STOP"}, "STOP", "", true},
                        {{"aab"}, "aaab", "a", true},
                        {{"\n\n", "Question:"}, "a\nb\n\nQuestion:", "a\nb", true},
                        {{"\xc3\xa9"}, "caf\xc3\xa9!", "caf", true}};
  for (const Case& c : table) {
    for (size_t size = 1; size <= c.text.size(); ++size) {
      bool stopped = false;
      INFO(c.text << " in pieces of " << size);
      CHECK(passed(c.stops, c.text, size, stopped) == c.out);
      CHECK(stopped == c.stopped);
    }
  }
}

TEST_CASE("stop filter: text is held back only while it may still be a stop") {
  StopFilter filter({"</end>"});
  CHECK(filter.push("abc<") == "abc");
  CHECK(filter.push("/e") == "");
  CHECK(filter.push("x") == "</ex");
  CHECK(filter.push("</end>more") == "");
  CHECK(filter.stopped());
  CHECK(filter.push("more") == "");
  CHECK(filter.finish() == "");
}
