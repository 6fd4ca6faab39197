#include "frontend/training/run_loop.h"

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr int kRecoveries = 3;  // without a step in between

Status save(TrainingRun& run, RunFolder& folder) {
  LK_TRY(run.save(folder.checkpoint()));
  return folder.draw_losses();
}

// Says what is left after a failure.
Error with_last_checkpoint(Error error, const RunFolder& folder) {
  if (folder.has_checkpoint())
    error.message += join(" The last checkpoint, ", folder.checkpoint().string(), ", is as it was.");
  return error;
}

Status advance(TrainingRun& run, RunFolder& folder, const RunLoop& loop) {
  const auto due = [&](uint64_t every) { return every > 0 && run.step_count() % every == 0; };
  while (!run.done()) {
    if (loop.stop && loop.stop()) {
      LK_TRY(save(run, folder));
      return Error{ErrorCode::cancelled,
                   join("[finetune] stopped after step ", run.step_count(), " of ", run.steps(),
                        "; the checkpoint is in ", folder.path().string(), ", and --resume goes on from it."),
                   {}};
    }
    LK_ASSIGN(RunStep step, run.step());
    if (loop.evaluation && (run.done() || due(loop.evaluate_every))) {
      LK_ASSIGN(const TrainingLoss loss, run.evaluate(*loop.evaluation));
      step.point.evaluation = loss.cross_entropy;
    }
    LK_TRY(folder.add_loss(step.point));
    if (loop.on_step) loop.on_step(step);
    if (due(loop.save_every) && !run.done()) LK_TRY(save(run, folder));
  }
  LK_TRY(save(run, folder));
  return run.write(folder.path());
}

// Puts the run and its folder where the last checkpoint was.
Status go_back(TrainingRun& run, RunFolder& folder) {
  if (folder.has_checkpoint()) {
    LK_TRY(run.resume(folder.checkpoint()));
  } else {
    LK_TRY(run.restart());
  }
  return folder.take_losses(run.step_count());
}

bool is_of_device(const Status& status) {
  return !status && (status.error().code == ErrorCode::device_lost || status.error().code == ErrorCode::out_of_memory);
}

}  // namespace

Status run_to_end(TrainingRun& run, RunFolder& folder, const RunLoop& loop) {
  RunLoop watched = loop;
  int recoveries = 0;
  watched.on_step = [&](const RunStep& step) {
    recoveries = 0;
    if (loop.on_step) loop.on_step(step);
  };
  Status status = advance(run, folder, watched);
  while (is_of_device(status) && recoveries++ < kRecoveries) {
    if (loop.on_recovery) loop.on_recovery(status.error().message);
    status = go_back(run, folder);
    if (status) status = advance(run, folder, watched);
  }
  if (status || status.error().code == ErrorCode::cancelled) return status;
  return with_last_checkpoint(status.error(), folder);
}

}  // namespace lorikeet
