// Mutated data sets and answer files: what is read is also asked, answered and scored.
#include <cstdio>
#include <cstdlib>

#include "frontend/multiple_choice/answer_file.h"
#include "frontend/multiple_choice/answer_letter.h"
#include "frontend/multiple_choice/prompt_text.h"
#include "frontend/multiple_choice/report.h"
#include "frontend/text/utf8.h"
#include "tests/support/fuzz.h"

namespace lorikeet::test {
namespace {

using namespace multiple_choice;

constexpr char kSeparator = '\x1E';  // between a data set and the answers to it

std::string data_set_text() {
  const std::string picture(72, 'A');
  return "index\timage\tquestion\tA\tB\tC\tanswer\thint\tcategory\tl2-category\tsplit\n"
         "0\t" +
         picture +
         "\t\"What \"\"is\"\"\tit?\"\tcat\t24\tNone\tA\t\tc\tl\ttest\r\n"
         "1\t0\tĞüzel 图?\tdog\t1.5\tTrue\tB\thint\tc\tl\ttest\n"
         "1000000\t" +
         picture + "\tq\t\t-3\tfalse\tB\t\td\tl\tdev\n";
}

constexpr std::string_view kAnswers =
    "{\"data_set\":\"mmbench\",\"model\":\"m\"}\n"
    "{\"index\":0,\"answer\":\"The answer is option A.\"}\n{\"index\":1,\"answer\":\"İ dog\\n\"}\n"
    "{\"index\":1000000,\"answer\":\"(B)\"}\n";

void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("FAIL: %s\n", what);
  std::abort();
}

template <class T>
bool is_fine(const Result<T>& result) {
  require(result.ok() || !result.error().message.empty(), "an Error has no message");
  return result.ok();
}

void target(std::span<const std::byte> bytes) {
  const std::string_view data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t border = std::min(data.find(kSeparator), data.size());
  const auto set = parse_data_set(data.substr(0, border), "fuzzed.tsv", "mmbench");
  if (!is_fine(set)) return;
  for (const Question& question : set->questions) {
    require(question.picture != nullptr, "a question has no picture");
    require(is_valid_utf8(prompt_text(question, set->name)), "a prompt is not UTF-8");
    answer_letter(question, set->name, data);
  }
  const auto answers = parse_answers(data.substr(std::min(border + 1, data.size())), "fuzzed.jsonl", *set, "m");
  if (!is_fine(answers)) return;
  const auto evaluation = evaluate(*set, *answers);
  if (is_fine(evaluation)) require(!report_table(evaluation->scores).empty(), "a report is empty");
}

}  // namespace
}  // namespace lorikeet::test

int main() {
  using namespace lorikeet::test;
  const std::string text = data_set_text();
  return fuzz("tsv", {text, text + kSeparator + std::string(kAnswers)}, target);
}
