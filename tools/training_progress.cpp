#include "tools/training_progress.h"

#include <atomic>

#include "runtime/base/text.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

std::string time_text(double seconds) {
  const auto s = static_cast<unsigned long long>(seconds + 0.5);
  return s >= 3600 ? format("%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60)
                   : format("%llu:%02llu", s / 60, s % 60);
}

std::string step_text(const RunStep& step) {
  const LossPoint& p = step.point;
  return format("%llu/%llu  epoch %.2f  loss %.4f  aux %.5f  rate %.3g  norm %.3g  %.0f tokens/s  %s left",
                static_cast<unsigned long long>(p.step), static_cast<unsigned long long>(step.steps), p.epoch,
                p.cross_entropy, p.aux, p.rate, p.gradient_norm, p.tokens_per_second,
                time_text(step.seconds_left).c_str());
}

}  // namespace

Result<Dataset> read_data(const std::string& file, const Model& model, const DatasetOptions& options) {
  LK_ASSIGN(Dataset data, Dataset::read(file, *model.tokenizer(), options));
  const DatasetCounts& counts = data.counts();
  std::string line =
      join(file, ": ", data.size(), " examples, ", counts.tokens, " tokens, the longest has ", counts.longest);
  if (counts.truncated > 0) line += join("; ", counts.truncated, " were cut to ", options.max_tokens);
  if (counts.without_label > 0) line += join("; ", counts.without_label, " left out with nothing to learn");
  say(line);
  if (counts.bad > 0) say(join(counts.bad, " bad records left out; the first: ", counts.first_bad));
  return data;
}

std::string memory_text(const RunMemory& memory) {
  const TrainingMemory& training = memory.training;
  return join("memory: ", size_text(memory.total()), " of ", size_text(memory.available), " (weights ",
              size_text(memory.weight_bytes), ", ", memory.numbers, " trained numbers with gradients and moments ",
              size_text(training.parameter_bytes), ", activations of ", memory.rows,
              memory.pictures ? join(" rows with ", memory.pictures, memory.pictures == 1 ? " picture " : " pictures ")
                              : " rows ",
              size_text(training.activation_bytes), ", tables ", size_text(training.table_bytes),
              training.picture_bytes ? join(", the tower and its pictures ", size_text(training.picture_bytes)) : "",
              ")");
}

Status run_shown(TrainingRun& run, RunFolder& folder, const ShownRun& shown) {
  if (shown.resume && folder.has_checkpoint()) {
    LK_ASSIGN(const std::vector<std::string> changes, run.resume(folder.checkpoint()));
    for (const std::string& change : changes) say(change);
    say(join("resumed after step ", run.step_count(), " of ", run.steps()));
  } else if (shown.resume) {
    say(join("there is no checkpoint in ", folder.path().string(), " yet: the run begins."));
  }
  LK_TRY(folder.take_losses(run.step_count()));
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  ProgressLine progress("step");
  const auto on_step = [&](const RunStep& step) {
    progress.show(step_text(step));
    if (!step.point.evaluation) return;
    progress.end();
    say(format("step %llu: loss %.4f on %s", static_cast<unsigned long long>(step.point.step), *step.point.evaluation,
               shown.evaluation_name.c_str()));
  };
  LK_TRY(run_to_end(run, folder,
                    {.evaluation = shown.evaluation,
                     .evaluate_every = shown.evaluate_every,
                     .save_every = shown.save_every,
                     .on_step = on_step,
                     .on_recovery =
                         [&](const std::string& what) {
                           progress.end();
                           say(join(what, " The run goes on from its last checkpoint."));
                         },
                     .stop = [&] { return interrupted.load(); }}));
  progress.end();
  return Done{};
}

}  // namespace lorikeet::tool
