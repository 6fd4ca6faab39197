#include "frontend/batch_answers.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "frontend/answer_collector.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

Status at(const BatchPrompt& prompt, Status status) {
  if (!status && !prompt.where.empty() && status.error().code != ErrorCode::cancelled)
    status.error().message.insert(0, prompt.where + ": ");
  return status;
}

class Batch {
 public:
  Batch(Model& model, Session& session, std::span<const BatchPrompt> prompts, const OnAnswer& on_answer)
      : model_(&model),
        session_(&session),
        prompts_(prompts),
        on_answer_(&on_answer),
        cancels_(session.cancels()),
        ends_(end_ids(model)),
        slots_(std::min<size_t>(session.slots(), prompts.size())) {}

  Status check() {
    for (const BatchPrompt& prompt : prompts_) {
      LK_TRY(at(prompt, session_->set_adapters(0, prompt.adapters)));
      const auto positions = session_->positions(0, prompt.tokens);
      if (!positions) return at(prompt, positions.error());
    }
    return Done{};
  }

  Status run() {
    for (;;) {
      LK_TRY(fill());
      LK_TRY(hand_out());
      if (std::none_of(slots_.begin(), slots_.end(), [](const auto& work) { return work != nullptr; })) return Done{};
      LK_TRY(round());
      LK_TRY(hand_out());
    }
  }

 private:
  // A conversation in progress.
  struct Work {
    size_t prompt = 0;
    Answer answer;
    OnPiece nobody;  // pieces are not shown
    std::optional<AnswerCollector> collector;
    bool done = false;
  };

  bool cancelled() const { return session_->cancels() != cancels_; }

  // Begins prompts in the slots that are free.
  Status fill() {
    for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
      while (!slots_[slot] && next_ < prompts_.size() && !cancelled()) {
        const BatchPrompt& prompt = prompts_[next_];
        auto work = std::make_unique<Work>();
        work->prompt = next_++;
        work->answer.prompt_token_ids = prompt.tokens;
        work->collector.emplace(model_->tokenizer(), prompt.options, work->nobody, work->answer);
        if (prompt.is_text) work->collector->prime(work->answer.prompt_token_ids);
        session_->clear(slot);
        LK_TRY(at(prompt, session_->set_adapters(slot, prompt.adapters)));
        const Status read = session_->set_tokens(slot, prompt.tokens);
        const bool stopped = !read && read.error().code == ErrorCode::cancelled;
        if (!read && !stopped) return at(prompt, read);
        slots_[slot] = std::move(work);
        if (stopped) finish(slot, StopReason::cancelled);
        else if (prompt.options.max_tokens == 0) finish(slot, StopReason::length);
      }
    }
    return Done{};
  }

  GenerateRequest request(uint32_t slot) const {
    const Work& work = *slots_[slot];
    const GenerationOptions& options = prompts_[work.prompt].options;
    GenerateRequest request{.slot = slot, .sampler = options.sampler};
    if (options.max_tokens > 0)
      request.max_tokens =
          uint32_t(std::min<int64_t>(options.max_tokens - int64_t(work.answer.token_ids.size()), UINT32_MAX));
    if (!options.ignore_eos) request.stop_ids = ends_;
    return request;
  }

  // Advances all conversations until one ends that another can take the place of; then the others pause, which changes
  // nothing of what they say.
  Status round() {
    std::vector<GenerateRequest> requests;
    for (uint32_t slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot]) requests.push_back(request(slot));
    bool pause = false;
    const auto on_token = [&](uint32_t slot, int32_t token) {
      Work& work = *slots_[slot];
      const GenerationOptions& options = prompts_[work.prompt].options;
      const bool end = !options.ignore_eos && std::find(ends_.begin(), ends_.end(), token) != ends_.end();
      const bool go_on = work.collector->push(token, end);
      const bool full = (options.max_tokens > 0 && int64_t(work.answer.token_ids.size()) >= options.max_tokens) ||
                        int64_t(session_->tokens(slot).size()) >= session_->context();
      work.answer.stop_reason = !go_on ? StopReason::stop : end ? StopReason::eos : StopReason::length;
      work.done = !go_on || end || full;
      pause = pause || (work.done && next_ < prompts_.size());
      return !work.done && !pause && !cancelled();
    };
    const auto reasons = session_->generate(requests, on_token);
    if (!reasons && reasons.error().code != ErrorCode::cancelled) return reasons.error();
    for (size_t i = 0; i < requests.size(); ++i) {
      const Work& work = *slots_[requests[i].slot];
      if (work.done) finish(requests[i].slot, work.answer.stop_reason);
      else if (cancelled() || !reasons) finish(requests[i].slot, StopReason::cancelled);
      else if ((*reasons)[i] == StopReason::length) finish(requests[i].slot, StopReason::length);
    }
    return Done{};
  }

  void finish(uint32_t slot, StopReason reason) {
    Work& work = *slots_[slot];
    work.answer.stop_reason = reason;
    work.collector->finish();
    if (work.collector->stopped()) work.answer.stop_reason = StopReason::stop;
    work.answer.timings.prompt_tokens = work.answer.prompt_token_ids.size();
    work.answer.timings.generated_tokens = work.answer.token_ids.size();
    finished_.emplace(work.prompt, std::move(work.answer));
    slots_[slot].reset();
  }

  Status hand_out() {
    for (auto first = finished_.begin(); first != finished_.end() && first->first == handed_out_;
         first = finished_.erase(first), ++handed_out_)
      LK_TRY((*on_answer_)(first->first, first->second));
    return Done{};
  }

  Model* model_;
  Session* session_;
  std::span<const BatchPrompt> prompts_;
  const OnAnswer* on_answer_;
  uint64_t cancels_;
  std::vector<int32_t> ends_;
  std::vector<std::unique_ptr<Work>> slots_;
  std::map<size_t, Answer> finished_;  // that wait for those before them
  size_t next_ = 0, handed_out_ = 0;
};

}  // namespace

Status answer_all(Model& model, Session& session, std::span<const BatchPrompt> prompts, const OnAnswer& on_answer) {
  if (prompts.empty()) return Done{};
  Batch batch(model, session, prompts, on_answer);
  LK_TRY(batch.check());
  return batch.run();
}

}  // namespace lorikeet
