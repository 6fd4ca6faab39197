// Puts the questions of a data set to a model that sees, as the published evaluation does: greedy answers that end only
// with <|im_end|>. As many questions at once as the session has slots.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "frontend/multiple_choice/answer_file.h"
#include "frontend/session.h"

namespace lorikeet::multiple_choice {

struct RunOptions {
  uint32_t max_tokens = 512;                                 // of an answer, at least 1
  std::function<void(size_t answered, size_t of)> progress;  // at the begin and after each group
};

// Answers what `answers` lacks of the data set, and adds the answers of a group of questions as soon as it is done.
// Errors name the question; cancelled, with the group in progress given up, after Session::cancel.
Status run(Model& model, Session& session, const DataSet& data_set, AnswerFile& answers, const RunOptions& options);

// Errors: unsupported for a model for text alone, which `name` names.
Status need_sight(const DecoderConfig& config, const std::string& name);

// The token ids of the answers to at most so many questions as there are slots, the last <|im_end|> included.
Result<std::vector<std::vector<int32_t>>> answer_ids(Model& model, Session& session,
                                                     std::span<const Question* const> questions,
                                                     const std::string& data_set, uint32_t max_tokens);
// What these ids say: without special tokens, and without ASCII white space around it.
std::string answer_text(const Tokenizer& tokenizer, std::span<const int32_t> ids);

}  // namespace lorikeet::multiple_choice
