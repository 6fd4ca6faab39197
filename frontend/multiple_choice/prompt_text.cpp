#include "frontend/multiple_choice/prompt_text.h"

#include "frontend/text/utf8.h"

namespace lorikeet::multiple_choice {
namespace {

bool has_chinese(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    if (step.code_point >= 0x4E00 && step.code_point <= 0x9FFF) return true;
    at += step.length;
  }
  return false;
}

std::string_view request_for_letter(std::string_view data_set, bool chinese) {
  if (chinese || data_set.ends_with("_cn")) return "请直接用给定选项中的选项字母回答。";
  if (data_set.ends_with("_pt")) return "Responda diretamente com a letra da opção das escolhas dadas.";
  if (data_set.ends_with("_ar")) return "أجب مباشرةً بحرف الخيار من الاختيارات المعطاة.";
  if (data_set.ends_with("_ru")) return "Ответьте буквой варианта из предложенных вариантов напрямую.";
  if (data_set.ends_with("_tr")) return "Verilen seçeneklerden doğrudan seçeneğin harfi ile cevap verin.";
  return kEnglishRequest;
}

}  // namespace

const std::string_view kEnglishRequest = "Answer with the option's letter from the given choices directly.";

std::string prompt_text(const Question& question, std::string_view data_set) {
  std::string text = question.hint ? *question.hint + "\n" + question.text : question.text;
  for (const Option& option : question.options) text += std::string("\n") + option.letter + ". " + option.text;
  const bool chinese = has_chinese(text);
  text += '\n';
  if (!question.options.empty()) text += request_for_letter(data_set, chinese);
  else text += chinese ? "请用单个词或短语回答问题。" : "Answer the question using a single word or phrase.";
  return text;
}

}  // namespace lorikeet::multiple_choice
