#include "frontend/training/run_loop.h"

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

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

}  // namespace

Status run_to_end(TrainingRun& run, RunFolder& folder, const RunLoop& loop) {
  Status status = advance(run, folder, loop);
  if (status || status.error().code == ErrorCode::cancelled) return status;
  return with_last_checkpoint(status.error(), folder);
}

}  // namespace lorikeet
