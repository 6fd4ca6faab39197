#include <algorithm>

#include "frontend/session_impl.h"
#include "runtime/base/counted.h"

namespace lorikeet {

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

Status Session::Impl::check_word(int32_t token) const {
  if (token >= 0 && uint32_t(token) < model->config().vocabulary) return Done{};
  return invalid(join("token ", token, " is not in the vocabulary of ", model->config().vocabulary, "."));
}

// The tokens of a prompt with its pictures in their places.
Result<PlacedPictures> Session::Impl::check(std::span<const int32_t> tokens, uint32_t slot) const {
  if (slot >= conversations.size())
    return invalid(join("slot ", slot, " does not exist, the session has ", conversations.size(), "."));
  if (tokens.empty()) return invalid("the text has no tokens: at least one is needed.");
  const auto& picture = model->config().picture;
  for (const int32_t token : tokens)
    if (!(picture && token == kPictureToken)) LK_TRY(check_word(token));
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
    LK_TRY(state->start_reading(conversations[slot], slot));
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
  LK_TRY(observe(*plan, pieces));
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

// Other tokens; what they share with the present ones at the front stays in the cache.
void Session::Impl::go_on(Conversation& conversation, std::vector<int32_t> tokens, bool same_visual) {
  size_t shared = 0;
  while (shared < tokens.size() && shared < conversation.tokens.size() &&
         tokens[shared] == conversation.tokens[shared] && (tokens[shared] >= 0 || same_visual))
    ++shared;
  conversation.truncate(std::min<int64_t>(int64_t(shared), int64_t(tokens.size()) - 1));
  conversation.observed = std::min(conversation.observed, conversation.cached);
  if (state) state->release_blocks(conversation);
  conversation.tokens = std::move(tokens);
}

Status Session::Impl::set_tokens(uint32_t slot, const PlacedPictures& placed) {
  cancel_wanted = false;
  Conversation& conversation = conversations[slot];
  // Another text makes other visual tokens of the same picture.
  go_on(conversation, placed.tokens, conversation.asked == placed.text);
  return recovering([&]() -> Status {
    LK_TRY(see(slot, placed.text));
    return read_all(slot);
  });
}

Status Session::set_tokens(uint32_t slot, std::span<const int32_t> tokens) {
  LK_ASSIGN(const PlacedPictures placed, impl_->check(tokens, slot));
  return impl_->set_tokens(slot, placed);
}

Status Session::set_tokens(uint32_t slot, std::span<const int32_t> tokens, std::span<const int32_t> asked) {
  LK_ASSIGN(PlacedPictures placed, impl_->check(tokens, slot));
  if (asked.empty()) return invalid("pictures are routed by a text, the one that was given has no tokens.");
  for (const int32_t token : asked) LK_TRY(impl_->check_word(token));
  placed.text.assign(asked.begin(), asked.end());
  return impl_->set_tokens(slot, placed);
}

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
  conversation.observed = 0;
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
    return invalid(join("a conversation of this session has ", counted(impl_->options.pictures, "picture"),
                        " at most, ", pictures.size(), " were given."));
  for (const Pixels& pixels : pictures)
    if (!pixels || pixels->size() != size_t(config->channels) * config->side * config->side)
      return invalid(join("a picture has ", counted(pixels ? pixels->size() : 0, "value"), ", the model sees ",
                          config->channels, " x ", config->side, " x ", config->side, "."));
  Conversation& conversation = impl_->conversations[slot];
  conversation.pictures = std::move(pictures);
  conversation.asked.clear();
  conversation.routings.clear();
  return Done{};
}

Status Session::set_adapters(uint32_t slot, std::span<const uint32_t> adapters) {
  if (slot >= impl_->conversations.size()) return invalid(join("slot ", slot, " does not exist."));
  uint32_t bits = 0, routed = 0;
  for (const uint32_t number : adapters) {
    if (number >= impl_->options.adapters.size())
      return invalid(
          join("adapter ", number, " does not exist, the session has ", impl_->options.adapters.size(), "."));
    bits |= 1u << number;
    routed += !impl_->options.adapters[number].adapter->tensors.routers.empty();
  }
  if (routed > 1) return invalid(join("a conversation has one adapter with routers, ", routed, " were given."));
  Conversation& conversation = impl_->conversations[slot];
  if (conversation.adapters == bits) return Done{};
  conversation.adapters = bits;
  conversation.observed = 0;
  conversation.truncate(0);
  if (impl_->state) impl_->state->release_blocks(conversation);
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
