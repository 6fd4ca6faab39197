// Internal. What a session keeps: session.cpp holds conversations and reads them, session_answers.cpp generates,
// session_scores.cpp tells how likely texts are, session_routing.cpp how routers routed them.
#pragma once

#include <chrono>
#include <functional>

#include "frontend/control.h"
#include "frontend/elapsed.h"
#include "frontend/kv_cache.h"
#include "frontend/plan_ladder.h"
#include "frontend/session.h"
#include "frontend/session_state.h"
#include "runtime/base/text.h"

namespace lorikeet {

inline constexpr int kRecoveries = 3;

inline Error cancelled() { return {ErrorCode::cancelled, "cancelled.", {}}; }

// The next `count` tokens of a conversation.
struct Piece {
  uint32_t slot = 0;
  int64_t count = 0;
};

// One answer in progress.
struct Turn {
  const GenerateRequest* request = nullptr;
  uint32_t delivered = 0;
  bool done = false;
  StopReason reason = StopReason::length;
};

struct Session::Impl {
  Model* model;
  SessionOptions options;
  std::unique_ptr<SessionState> state;
  std::vector<Conversation> conversations;
  std::atomic<bool> cancel_wanted{false};
  std::atomic<uint64_t> cancels{0};
  int64_t context;
  uint64_t generation = 0;  // of the model, when `state` was made
  SessionCounts counts;

  Impl(Model& m, const SessionOptions& o)
      : model(&m), options(o), conversations(o.slots), context(SessionState::context(m, o)) {}

  Status start();
  bool alive() const;
  Status rebuild();
  Status rebuild_or_keep();
  template <class Body>
  Status recovering(Body body);
  Status check_word(int32_t token) const;
  Result<PlacedPictures> check(std::span<const int32_t> tokens, uint32_t slot) const;
  Status see(uint32_t slot, const std::vector<int32_t>& text);
  Status feed(std::span<const Piece> pieces, int64_t rung, Head head);
  Status feed(uint32_t slot, int64_t rung, int64_t count, Head head);
  Status read_all(uint32_t slot);
  Status set_tokens(uint32_t slot, const PlacedPictures& placed);
  void go_on(Conversation& conversation, std::vector<int32_t> tokens, bool same_visual);
  Status read_together(std::span<const uint32_t> slots);
  Status score_last(std::span<const uint32_t> slots, uint32_t first, const OnText& on_text);
  Status score_lasts(std::span<const uint32_t> slots, const OnText& on_text,
                     const std::function<Status(uint32_t slot)>& see);
  void forget(uint32_t slot);
  Status observe(const Plan& plan, std::span<const Piece> pieces);
  Status score(uint32_t slot, Head head, int64_t rung,
               const std::function<Status(Plan&, int64_t first, int64_t count)>& use);

  Status run_turns(std::vector<Turn>& turns, const OnToken& on_token);
  Status run_round(std::vector<Turn*>& active, const OnToken& on_token);
  Status begin_turn(Turn& turn);
  void deliver(Turn& turn, int32_t token, int64_t rung, const OnToken& on_token);
};

// Runs the body; after a lost device or a failed allocation rebuilds and runs it again. The body must be able to go on
// from what the conversations say.
template <class Body>
Status Session::Impl::recovering(Body body) {
  for (int i = 0;; ++i) {
    Status status = alive() ? Status(Done{}) : rebuild_or_keep();
    if (status) status = body();
    if (status || i == kRecoveries) return status;
    const ErrorCode code = status.error().code;
    if (code != ErrorCode::device_lost && code != ErrorCode::out_of_memory) return status;
    model->device().log(join(status.error().message, " The session rebuilds and goes on."));
    state.reset();
  }
}

}  // namespace lorikeet
