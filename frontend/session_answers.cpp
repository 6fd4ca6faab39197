#include <algorithm>
#include <array>

#include "frontend/session_impl.h"

namespace lorikeet {
namespace {

constexpr size_t kStepsInFlight = 4;  // at most; submitted before the host has seen their tokens

}  // namespace

Status Session::Impl::begin_turn(Turn& turn) {
  const GenerateRequest& request = *turn.request;
  Conversation& conversation = conversations[request.slot];
  const int64_t room = context - int64_t(conversation.tokens.size());
  const uint32_t budget = request.max_tokens ? request.max_tokens - turn.delivered : uint32_t(-1);
  const uint32_t left = uint32_t(std::min<int64_t>(budget, std::max<int64_t>(room, 0)));
  if (left == 0) {
    turn.done = true;
    turn.reason = StopReason::length;
    return Done{};
  }
  return state->start_sampling(request, conversation, left);
}

void Session::Impl::deliver(Turn& turn, int32_t token, int64_t rung, const OnToken& on_token) {
  const GenerateRequest& request = *turn.request;
  Conversation& conversation = conversations[request.slot];
  conversation.note_feed(rung, 1);  // the token that the step began with is in the cache now
  conversation.tokens.push_back(token);
  ++conversation.sampled;
  ++turn.delivered;
  ++counts.tokens_generated;
  const bool eos = std::find(request.stop_ids.begin(), request.stop_ids.end(), token) != request.stop_ids.end();
  const bool go_on = !on_token || on_token(request.slot, token);
  if (eos) turn.done = true, turn.reason = StopReason::eos;
  else if (!go_on) turn.done = true, turn.reason = StopReason::stop;
  else if (request.max_tokens && turn.delivered >= request.max_tokens)
    turn.done = true, turn.reason = StopReason::length;
  else if (int64_t(conversation.tokens.size()) >= context) turn.done = true, turn.reason = StopReason::length;
}

// Steps until one of the answers ends; what was submitted beyond is still delivered to the others.
Status Session::Impl::run_round(std::vector<Turn*>& active, const OnToken& on_token) {
  const int64_t rung = rung_for(int64_t(active.size()));
  std::vector<shader::Row> rows;
  std::vector<uint32_t> wanted;
  std::vector<Piece> pieces;
  const size_t most_in_flight = options.on_routed ? 1 : kStepsInFlight;  // the next step writes over what is observed
  uint64_t steps_left = UINT64_MAX;
  for (Turn* turn : active) {
    Conversation& conversation = conversations[turn->request->slot];
    const int64_t size = int64_t(conversation.tokens.size());
    LK_TRY(
        state->reserve(conversations, turn->request->slot, std::min<int64_t>(context, size + int64_t(kReserveSteps))));
    steps_left = std::min<uint64_t>(steps_left, uint64_t(std::min<int64_t>(int64_t(kReserveSteps), context - size)));
    if (turn->request->max_tokens)
      steps_left = std::min<uint64_t>(steps_left, turn->request->max_tokens - turn->delivered);
    wanted.push_back(uint32_t(rows.size()));
    rows.push_back(state->row(conversation, turn->request->slot, conversation.cached, shader::kRowFollows));
    pieces.push_back({turn->request->slot, 1});
  }
  LK_ASSIGN(Plan * plan, state->plans().get(rung, Head::sample));
  LK_TRY(state->set_rows(rows, wanted, rung));

  std::array<Ticket, kStepsInFlight> in_flight;  // a ring
  size_t oldest = 0, flying = 0;
  bool draining = false;
  while (!draining || flying > 0) {
    while (!draining && steps_left > 0 && flying < most_in_flight) {
      LK_ASSIGN(in_flight[(oldest + flying) % kStepsInFlight], plan->submit());
      ++flying;
      --steps_left;
    }
    if (flying == 0) break;
    LK_TRY(model->device().wait(in_flight[oldest]));
    oldest = (oldest + 1) % kStepsInFlight;
    --flying;
    LK_TRY(observe(*plan, pieces));
    for (Turn* turn : active) {
      if (turn->done) continue;
      const Conversation& conversation = conversations[turn->request->slot];
      deliver(*turn, state->sampled_token(turn->request->slot, conversation.sampled), rung, on_token);
      if (cancel_wanted && !turn->done) turn->done = true, turn->reason = StopReason::cancelled;
      draining = draining || turn->done;
    }
  }
  return Done{};
}

Status Session::Impl::run_turns(std::vector<Turn>& turns, const OnToken& on_token) {
  // A token that is in the cache but was followed by none must be read again to have logits.
  for (Turn& turn : turns) {
    Conversation& conversation = conversations[turn.request->slot];
    if (turn.done) continue;
    conversation.truncate(std::min<int64_t>(conversation.cached, int64_t(conversation.tokens.size()) - 1));
    LK_TRY(read_all(turn.request->slot));
    LK_TRY(begin_turn(turn));
  }
  for (;;) {
    std::vector<Turn*> active;
    for (Turn& turn : turns)
      if (!turn.done && active.size() < size_t(kMaxRows)) active.push_back(&turn);
    if (active.empty()) return Done{};
    LK_TRY(run_round(active, on_token));
  }
}

Result<std::vector<StopReason>> Session::generate(std::span<const GenerateRequest> requests, const OnToken& on_token) {
  std::vector<Turn> turns;
  std::vector<bool> used(impl_->conversations.size());
  for (const GenerateRequest& request : requests) {
    LK_TRY(check_sampler(request.sampler));
    if (request.slot >= used.size() || used[request.slot])
      return invalid(join("slot ", request.slot, " does not exist or is asked for twice."));
    if (impl_->conversations[request.slot].tokens.empty())
      return invalid(join("slot ", request.slot, " has no tokens to go on from."));
    used[request.slot] = true;
    turns.push_back({&request});
  }
  impl_->cancel_wanted = false;
  LK_TRY(impl_->recovering([&]() -> Status {
    LK_TRY(impl_->state->plans().get(rung_for(int64_t(turns.size())), Head::sample));
    const auto start = std::chrono::steady_clock::now();
    const Status status = impl_->run_turns(turns, on_token);
    impl_->counts.generate_ms += milliseconds_since(start);
    return status;
  }));
  std::vector<StopReason> reasons;
  for (const Turn& turn : turns) reasons.push_back(turn.reason);
  return reasons;
}

}  // namespace lorikeet
