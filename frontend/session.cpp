#include "frontend/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "frontend/control.h"
#include "frontend/kv_cache.h"
#include "frontend/plan_ladder.h"
#include "frontend/session_state.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// Steps that are submitted before the host has seen their tokens.
constexpr size_t kStepsInFlight = 4;
constexpr int kRecoveries = 3;
constexpr uint32_t kScoredAtOnce = 32;  // texts whose logits are kept at once

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Error cancelled() { return {ErrorCode::cancelled, "cancelled.", {}}; }

}  // namespace

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
  Result<PlacedPictures> check(std::span<const int32_t> tokens, uint32_t slot) const;
  Status see(uint32_t slot, const std::vector<int32_t>& text);
  Status feed(std::span<const Piece> pieces, int64_t rung, Head head);
  Status feed(uint32_t slot, int64_t rung, int64_t count, Head head);
  Status read_all(uint32_t slot);
  Status read_together(uint32_t slots);
  Status score_last(uint32_t first, uint32_t count, const OnText& on_text);
  void forget(uint32_t slot);
  Status score(uint32_t slot, Head head, int64_t rung,
               const std::function<Status(Plan&, int64_t first, int64_t count)>& use);

  Status run_turns(std::vector<Turn>& turns, const OnToken& on_token);
  Status run_round(std::vector<Turn*>& active, const OnToken& on_token);
  Status begin_turn(Turn& turn);
  void deliver(Turn& turn, int32_t token, int64_t rung, const OnToken& on_token);
};

Status Session::Impl::start() {
  LK_ASSIGN(state, SessionState::create(*model, options));
  generation = model->generation();
  return Done{};
}

// False after a rebuild that failed, and when another session has brought the device back in the meantime.
bool Session::Impl::alive() const { return state && model->loaded() && generation == model->generation(); }

// Everything on the device again, then the same tokens through the same plans: the cache gets the same bits.
Status Session::Impl::rebuild() {
  state.reset();
  if (!model->loaded()) LK_TRY(model->recover());
  LK_TRY(start());
  for (uint32_t slot = 0; slot < conversations.size(); ++slot) {
    Conversation& conversation = conversations[slot];
    const std::vector<Feed> feeds = std::move(conversation.feeds);
    conversation.feeds.clear();
    conversation.blocks.clear();
    conversation.cached = 0;
    if (!conversation.asked.empty()) LK_TRY(state->see(conversation, slot));
    for (const Feed& fed : feeds)
      for (int64_t i = 0; i < fed.times; ++i) LK_TRY(feed(slot, fed.rung, fed.count, Head::none));
    const std::vector<float> bias = conversation.logit_bias;
    if (!bias.empty()) LK_TRY(state->set_logit_bias(conversation, slot, bias));
  }
  return Done{};
}

// What a failed rebuild had done is undone in the books, so that the next one starts from them.
Status Session::Impl::rebuild_or_keep() {
  const std::vector<Conversation> before = conversations;
  Status status = rebuild();
  if (!status) {
    conversations = before;
    state.reset();
  }
  return status;
}

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

// The tokens of a prompt with its pictures in their places.
Result<PlacedPictures> Session::Impl::check(std::span<const int32_t> tokens, uint32_t slot) const {
  if (slot >= conversations.size())
    return invalid(join("slot ", slot, " does not exist, the session has ", conversations.size(), "."));
  if (tokens.empty()) return invalid("the text has no tokens: at least one is needed.");
  const auto& picture = model->config().picture;
  for (int32_t token : tokens)
    if ((token < 0 || uint32_t(token) >= model->config().vocabulary) && !(picture && token == kPictureToken))
      return invalid(join("token ", token, " is not in the vocabulary of ", model->config().vocabulary, "."));
  PlacedPictures placed{{tokens.begin(), tokens.end()}, {}};
  if (picture) {
    LK_ASSIGN(placed, place_pictures(tokens, conversations[slot].pictures.size(), *picture, options.multi_image));
  }
  if (int64_t(placed.tokens.size()) > context)
    return invalid(join("the text has ", placed.tokens.size(), " tokens, the context holds ", context, "."));
  if (placed.cut)
    model->device().log(join("The prompt is cut to the ", placed.tokens.size(), " positions that the model allows."));
  return placed;
}

// Routes the pictures by this text, unless they are. What was read of them before is out of date then.
Status Session::Impl::see(uint32_t slot, const std::vector<int32_t>& text) {
  Conversation& conversation = conversations[slot];
  if (conversation.pictures.empty() || conversation.asked == text) return Done{};
  conversation.asked = text;
  const Status seen = state->see(conversation, slot);
  if (!seen) conversation.asked.clear();
  return seen;
}

// The next tokens of one or several conversations through the plan of `rung` rows.
Status Session::Impl::feed(std::span<const Piece> pieces, int64_t rung, Head head) {
  for (const auto& [slot, count] : pieces) {
    LK_TRY(state->start_reading(slot));
    LK_TRY(state->reserve(conversations, slot, conversations[slot].cached + count));
  }
  LK_ASSIGN(Plan * plan, state->plans().get(rung, head));
  std::vector<shader::Row> rows;
  std::vector<uint32_t> wanted;
  for (const auto& [slot, count] : pieces) {
    for (int64_t i = 0; i < count; ++i) {
      if (head != Head::none) wanted.push_back(uint32_t(rows.size()));
      rows.push_back(state->row(conversations[slot], slot, conversations[slot].cached + i, 0));
    }
  }
  LK_TRY(state->set_rows(rows, wanted, rung));
  LK_ASSIGN(const Ticket ticket, plan->submit());
  LK_TRY(model->device().wait(ticket));
  for (const auto& [slot, count] : pieces) conversations[slot].note_feed(rung, count);
  return Done{};
}

Status Session::Impl::feed(uint32_t slot, int64_t rung, int64_t count, Head head) {
  const Piece piece{slot, count};
  return feed({&piece, 1}, rung, head);
}

// All but the last token into the cache.
Status Session::Impl::read_all(uint32_t slot) {
  Conversation& conversation = conversations[slot];
  const int64_t before = conversation.cached;
  // Plans are made before the clock starts.
  for (int64_t left = int64_t(conversation.tokens.size()) - 1 - before; left > 0; left -= rung_to_read(left))
    LK_TRY(state->plans().get(rung_to_read(left), Head::none));
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    const int64_t left = int64_t(conversation.tokens.size()) - 1 - conversation.cached;
    if (left <= 0) break;
    if (cancel_wanted) return cancelled();
    const int64_t rung = rung_to_read(left);
    LK_TRY(feed(slot, rung, std::min(rung, left), Head::none));
  }
  counts.tokens_read += uint64_t(conversation.cached - before);
  counts.read_ms += milliseconds_since(start);
  return Done{};
}

Status Session::set_tokens(uint32_t slot, std::span<const int32_t> tokens) {
  LK_ASSIGN(const PlacedPictures placed, impl_->check(tokens, slot));
  impl_->cancel_wanted = false;
  Conversation& conversation = impl_->conversations[slot];
  // Another text makes other visual tokens of the same picture.
  const bool same_visual = conversation.asked == placed.text;
  size_t shared = 0;
  while (shared < placed.tokens.size() && shared < conversation.tokens.size() &&
         placed.tokens[shared] == conversation.tokens[shared] && (placed.tokens[shared] >= 0 || same_visual))
    ++shared;
  conversation.truncate(std::min<int64_t>(int64_t(shared), int64_t(placed.tokens.size()) - 1));
  if (impl_->state) impl_->state->release_blocks(conversation);
  conversation.tokens = placed.tokens;
  return impl_->recovering([&]() -> Status {
    LK_TRY(impl_->see(slot, placed.text));
    return impl_->read_all(slot);
  });
}

// --- generation ------------------------------------------------------------------------------------------------------

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
  }
  LK_ASSIGN(Plan * plan, state->plans().get(rung, Head::sample));
  LK_TRY(state->set_rows(rows, wanted, rung));

  std::array<Ticket, kStepsInFlight> in_flight;  // a ring
  size_t oldest = 0, flying = 0;
  bool draining = false;
  while (!draining || flying > 0) {
    while (!draining && steps_left > 0 && flying < kStepsInFlight) {
      LK_ASSIGN(in_flight[(oldest + flying) % kStepsInFlight], plan->submit());
      ++flying;
      --steps_left;
    }
    if (flying == 0) break;
    LK_TRY(model->device().wait(in_flight[oldest]));
    oldest = (oldest + 1) % kStepsInFlight;
    --flying;
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

// --- scores ----------------------------------------------------------------------------------------------------------

Status Session::Impl::score(uint32_t slot, Head head, int64_t rung,
                            const std::function<Status(Plan&, int64_t, int64_t)>& use) {
  Conversation& conversation = conversations[slot];
  for (;;) {
    const int64_t first = conversation.cached;
    const int64_t left = int64_t(conversation.tokens.size()) - first;
    if (left <= 0) return Done{};
    if (cancel_wanted) return cancelled();
    const int64_t rows = std::min(rung, rung_to_read(left)), count = std::min(rows, left);
    if (head == Head::log_prob) {
      std::vector<int32_t> targets(conversation.tokens.begin() + first + 1,
                                   conversation.tokens.begin() + std::min(first + count + 1, first + left));
      std::replace_if(
          targets.begin(), targets.end(), [](int32_t token) { return token < 0; }, 0);  // no word of the text
      targets.resize(size_t(count));  // nothing follows the last token: its target does not matter
      LK_TRY(state->set_targets(targets));
    }
    LK_TRY(feed(slot, rows, count, head));
    LK_ASSIGN(Plan * plan, state->plans().get(rows, head));
    if (Status used = use(*plan, first, count); !used) {
      conversation.truncate(first);  // these rows have not been seen: should the session rebuild, they come again
      return used;
    }
  }
}

Status Session::logits(uint32_t slot, std::span<const int32_t> tokens, const OnRows& on_rows) {
  LK_ASSIGN(const PlacedPictures placed, impl_->check(tokens, slot));
  impl_->cancel_wanted = false;
  impl_->forget(slot);
  impl_->conversations[slot].tokens = placed.tokens;
  const int64_t vocabulary = impl_->model->config().vocabulary;
  return impl_->recovering([&]() -> Status {
    LK_TRY(impl_->see(slot, placed.text));
    return impl_->score(slot, Head::logits, 32, [&](Plan& plan, int64_t first, int64_t count) -> Status {
      LK_ASSIGN(Slice slice, plan.output("logits"));
      slice.size = uint64_t(count * vocabulary) * 4;
      LK_ASSIGN(const auto bytes, download(impl_->model->device(), slice));
      return on_rows(first, {reinterpret_cast<const float*>(bytes.data()), size_t(count * vocabulary)});
    });
  });
}

// All but the last token of the first `slots` conversations into the cache.
Status Session::Impl::read_together(uint32_t slots) {
  for (;;) {
    std::vector<Piece> pieces;
    int64_t left = 0;
    for (uint32_t slot = 0; slot < slots; ++slot) {
      const int64_t count = int64_t(conversations[slot].tokens.size()) - 1 - conversations[slot].cached;
      if (count > 0) pieces.push_back({slot, count});
      left += std::max<int64_t>(count, 0);
    }
    if (left == 0) return Done{};
    if (cancel_wanted) return cancelled();
    const int64_t rung = rung_to_read(left);
    int64_t room = rung;
    for (Piece& piece : pieces) {
      piece.count = std::min(piece.count, room);
      room -= piece.count;
    }
    std::erase_if(pieces, [](const Piece& piece) { return piece.count == 0; });
    LK_TRY(feed(pieces, rung, Head::none));
    counts.tokens_read += uint64_t(rung - room);
  }
}

// The last tokens of `count` conversations from slot `first` on.
Status Session::Impl::score_last(uint32_t first, uint32_t count, const OnText& on_text) {
  if (cancel_wanted) return cancelled();
  const int64_t rung = rung_for(count), vocabulary = model->config().vocabulary;
  std::vector<Piece> pieces;
  for (uint32_t i = 0; i < count; ++i) pieces.push_back({first + i, 1});
  LK_TRY(feed(pieces, rung, Head::logits));
  counts.tokens_read += count;
  LK_ASSIGN(Plan * plan, state->plans().get(rung, Head::logits));
  LK_ASSIGN(Slice slice, plan->output("logits"));
  slice.size = uint64_t(count * vocabulary) * 4;
  LK_ASSIGN(const auto bytes, download(model->device(), slice));
  const std::span<const float> values(reinterpret_cast<const float*>(bytes.data()), size_t(count * vocabulary));
  for (uint32_t i = 0; i < count; ++i)
    LK_TRY(on_text(first + i, values.subspan(size_t(i * vocabulary), size_t(vocabulary))));
  return Done{};
}

Status Session::last_logits(std::span<const std::vector<int32_t>> texts, const OnText& on_text) {
  if (texts.empty() || texts.size() > slots())
    return invalid(join("1 to ", slots(), " texts can be read at once, ", texts.size(), " were given."));
  const uint32_t count = uint32_t(texts.size());
  std::vector<PlacedPictures> placed;
  for (uint32_t slot = 0; slot < count; ++slot) {
    LK_ASSIGN(PlacedPictures text, impl_->check(texts[slot], slot));
    placed.push_back(std::move(text));
  }
  impl_->cancel_wanted = false;
  for (uint32_t slot = 0; slot < count; ++slot) {
    impl_->forget(slot);
    impl_->conversations[slot].tokens = placed[slot].tokens;
  }
  uint32_t done = 0;  // texts whose logits were handed out
  return impl_->recovering([&]() -> Status {
    for (uint32_t slot = done; slot < count; ++slot) {
      Conversation& conversation = impl_->conversations[slot];
      conversation.truncate(std::min<int64_t>(conversation.cached, int64_t(conversation.tokens.size()) - 1));
      LK_TRY(impl_->see(slot, placed[slot].text));
    }
    LK_TRY(impl_->read_together(count));
    while (done < count) {
      const uint32_t group = std::min(count - done, kScoredAtOnce);
      LK_TRY(impl_->score_last(done, group, on_text));
      done += group;
    }
    return Done{};
  });
}

Result<std::vector<float>> Session::log_probs(uint32_t slot, std::span<const int32_t> tokens) {
  LK_ASSIGN(const PlacedPictures placed, impl_->check(tokens, slot));
  impl_->cancel_wanted = false;
  impl_->forget(slot);
  impl_->conversations[slot].tokens = placed.tokens;
  std::vector<float> result(placed.tokens.size());
  LK_TRY(impl_->recovering([&]() -> Status {
    LK_TRY(impl_->see(slot, placed.text));
    return impl_->score(slot, Head::log_prob, 128, [&](Plan& plan, int64_t first, int64_t count) -> Status {
      LK_ASSIGN(Slice slice, plan.output("log_prob"));
      slice.size = uint64_t(count) * 4;
      LK_ASSIGN(const auto bytes, download(impl_->model->device(), slice));
      std::memcpy(result.data() + first, bytes.data(), bytes.size());
      return Done{};
    });
  }));
  result.pop_back();  // nothing follows the last token
  return result;
}

// --- the rest --------------------------------------------------------------------------------------------------------

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(Model& model, const SessionOptions& options) {
  LK_TRY(SessionState::check(model, options));
  auto impl = std::make_unique<Impl>(model, options);
  LK_TRY(impl->recovering([] { return Status(Done{}); }));
  return Session(std::move(impl));
}

Result<SessionMemory> Session::memory(Model& model, const SessionOptions& options) {
  LK_TRY(SessionState::check(model, options));
  return SessionState::memory(model, options);
}

int64_t Session::context(const Model& model, const SessionOptions& options) {
  return SessionState::context(model, options);
}
int64_t Session::context() const { return impl_->context; }
uint32_t Session::slots() const { return impl_->options.slots; }
const std::vector<int32_t>& Session::tokens(uint32_t slot) const { return impl_->conversations[slot].tokens; }
SessionCounts Session::counts() const { return impl_->counts; }
uint64_t Session::cancels() const { return impl_->cancels; }

void Session::cancel() {
  ++impl_->cancels;
  impl_->cancel_wanted = true;
}

// All but the pictures.
void Session::Impl::forget(uint32_t slot) {
  Conversation& conversation = conversations[slot];
  conversation.truncate(0);
  conversation.tokens.clear();
  conversation.sampled = 0;  // the same seed draws the same answer again
  if (state) state->release_blocks(conversation);
}

void Session::clear(uint32_t slot) {
  impl_->forget(slot);
  (void)set_pictures(slot, {});
}

Status Session::set_pictures(uint32_t slot, std::vector<Pixels> pictures) {
  if (slot >= impl_->conversations.size()) return invalid(join("slot ", slot, " does not exist."));
  const auto& config = impl_->model->config().picture;
  if (!pictures.empty() && !config)
    return invalid(
        join(impl_->model->checkpoint().path().string(), " is a model for text alone: it cannot see pictures."));
  if (impl_->options.multi_image == MultiImage::each && pictures.size() > impl_->options.pictures)
    return invalid(join("a conversation of this session has ", impl_->options.pictures, " pictures at most, ",
                        pictures.size(), " were given."));
  for (const Pixels& pixels : pictures)
    if (!pixels || pixels->size() != size_t(config->channels) * config->side * config->side)
      return invalid(join("a picture has ", pixels ? pixels->size() : 0, " values, the model sees ", config->channels,
                          " x ", config->side, " x ", config->side, "."));
  Conversation& conversation = impl_->conversations[slot];
  conversation.pictures = std::move(pictures);
  conversation.asked.clear();
  conversation.routings.clear();
  return Done{};
}

Result<int64_t> Session::positions(uint32_t slot, std::span<const int32_t> tokens) const {
  LK_ASSIGN(const PlacedPictures placed, impl_->check(tokens, slot));
  return int64_t(placed.tokens.size());
}

const std::vector<PictureRouting>& Session::routings(uint32_t slot) const {
  return impl_->conversations[slot].routings;
}

Status Session::fork(uint32_t from, uint32_t to) {
  if (std::max(from, to) >= impl_->conversations.size() || from == to)
    return invalid(
        join("slots ", from, " and ", to, " must be two of the session's ", impl_->conversations.size(), "."));
  return impl_->recovering([&]() -> Status {
    clear(to);
    const Conversation& source = impl_->conversations[from];
    LK_TRY(impl_->state->reserve(impl_->conversations, to, source.cached));
    LK_TRY(impl_->state->copy_cache(source, impl_->conversations[to]));
    LK_TRY(impl_->state->copy_visual(from, to));
    const std::vector<uint32_t> blocks = impl_->conversations[to].blocks;
    impl_->conversations[to] = source;
    impl_->conversations[to].blocks = blocks;
    return Done{};
  });
}

Result<std::string> Session::save(uint32_t slot) {
  if (slot >= impl_->conversations.size()) return invalid(join("slot ", slot, " does not exist."));
  std::string saved;
  LK_TRY(impl_->recovering([&]() -> Status {
    LK_ASSIGN(saved, impl_->state->save(impl_->conversations[slot]));
    return Done{};
  }));
  return saved;
}

Status Session::restore(uint32_t slot, std::string_view saved) {
  if (slot >= impl_->conversations.size()) return invalid(join("slot ", slot, " does not exist."));
  const Status status = impl_->recovering([&] {
    clear(slot);
    return impl_->state->restore(impl_->conversations, slot, saved);
  });
  if (!status) clear(slot);
  return status;
}

Status Session::set_logit_bias(uint32_t slot, std::span<const float> bias) {
  if (slot >= impl_->conversations.size()) return invalid(join("slot ", slot, " does not exist."));
  return impl_->recovering([&] { return impl_->state->set_logit_bias(impl_->conversations[slot], slot, bias); });
}

Result<const Plan*> Session::decode_plan() {
  Plan* plan = nullptr;
  LK_TRY(impl_->recovering([&]() -> Status {
    LK_ASSIGN(plan, impl_->state->plans().get(1, Head::sample));
    return Done{};
  }));
  return plan;
}

Result<const Plan*> Session::read_plan(int64_t rows) {
  Plan* plan = nullptr;
  LK_TRY(impl_->recovering([&]() -> Status {
    LK_ASSIGN(plan, impl_->state->plans().get(rung_for(rows), Head::none));
    return Done{};
  }));
  return plan;
}

}  // namespace lorikeet
