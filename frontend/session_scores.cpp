#include <algorithm>
#include <cstring>
#include <numeric>

#include "frontend/session_impl.h"
#include "runtime/base/counted.h"

namespace lorikeet {
namespace {

constexpr uint32_t kScoredAtOnce = 32;  // texts whose logits are kept at once

}  // namespace

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

// All but the last token of these conversations into the cache.
Status Session::Impl::read_together(std::span<const uint32_t> slots) {
  for (;;) {
    std::vector<Piece> pieces;
    int64_t left = 0;
    for (const uint32_t slot : slots) {
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

// The last tokens of these conversations, the first of which is text `first`.
Status Session::Impl::score_last(std::span<const uint32_t> slots, uint32_t first, const OnText& on_text) {
  if (cancel_wanted) return cancelled();
  const uint32_t count = uint32_t(slots.size());
  const int64_t rung = rung_for(count), vocabulary = model->config().vocabulary;
  std::vector<Piece> pieces;
  for (const uint32_t slot : slots) pieces.push_back({slot, 1});
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

// Logits after the conversations of these slots; `see` makes their visual tokens, should that be left to do.
Status Session::Impl::score_lasts(std::span<const uint32_t> slots, const OnText& on_text,
                                  const std::function<Status(uint32_t slot)>& see) {
  cancel_wanted = false;
  size_t done = 0;  // conversations whose logits were handed out
  return recovering([&]() -> Status {
    for (const uint32_t slot : slots.subspan(done)) {
      Conversation& conversation = conversations[slot];
      conversation.truncate(std::min<int64_t>(conversation.cached, int64_t(conversation.tokens.size()) - 1));
      LK_TRY(see(slot));
    }
    LK_TRY(read_together(slots));
    while (done < slots.size()) {
      const auto group = slots.subspan(done, std::min<size_t>(slots.size() - done, kScoredAtOnce));
      LK_TRY(score_last(group, uint32_t(done), on_text));
      done += group.size();
    }
    return Done{};
  });
}

Status Session::last_logits(std::span<const std::vector<int32_t>> texts, const OnText& on_text) {
  if (texts.empty() || texts.size() > slots())
    return invalid(join(slots() > 1 ? "1 to " : "", counted(slots(), "text"), " can be read at once, ", texts.size(),
                        " were given."));
  std::vector<uint32_t> all(texts.size());
  std::iota(all.begin(), all.end(), 0u);
  std::vector<PlacedPictures> placed;
  for (const uint32_t slot : all) {
    LK_ASSIGN(PlacedPictures text, impl_->check(texts[slot], slot));
    placed.push_back(std::move(text));
  }
  for (const uint32_t slot : all) {
    impl_->forget(slot);
    impl_->conversations[slot].tokens = placed[slot].tokens;
  }
  return impl_->score_lasts(all, on_text, [&](uint32_t slot) { return impl_->see(slot, placed[slot].text); });
}

Status Session::next_logits(std::span<const Continuation> texts, const OnText& on_text) {
  std::vector<uint32_t> all;
  for (const Continuation& text : texts) {
    if (text.slot >= slots() || std::find(all.begin(), all.end(), text.slot) != all.end())
      return invalid(join("slot ", text.slot, " does not exist or is asked for twice."));
    const int64_t size = int64_t(tokens(text.slot).size()), length = text.from + int64_t(text.tokens.size());
    if (text.from < 1 || text.from > size)
      return invalid(join("slot ", text.slot, " has ", counted(uint64_t(size), "token"), ", it cannot go on from ",
                          text.from, "."));
    if (length > context())
      return invalid(join("the text has ", length, " tokens, the context holds ", context(), "."));
    for (const int32_t token : text.tokens) LK_TRY(impl_->check_word(token));
    all.push_back(text.slot);
  }
  if (all.empty()) return Done{};
  for (const Continuation& text : texts) {
    Conversation& conversation = impl_->conversations[text.slot];
    std::vector<int32_t> tokens(conversation.tokens.begin(), conversation.tokens.begin() + text.from);
    tokens.insert(tokens.end(), text.tokens.begin(), text.tokens.end());
    impl_->go_on(conversation, std::move(tokens), true);
  }
  return impl_->score_lasts(all, on_text, [](uint32_t) { return Status(Done{}); });
}

Result<std::vector<float>> Session::log_probs(uint32_t slot, std::span<const int32_t> tokens) {
  return log_probs(slot, tokens, {});
}

Result<std::vector<float>> Session::log_probs(uint32_t slot, std::span<const int32_t> tokens,
                                              std::span<const int32_t> asked) {
  LK_ASSIGN(PlacedPictures placed, impl_->check(tokens, slot));
  for (const int32_t token : asked) LK_TRY(impl_->check_word(token));
  if (!asked.empty()) placed.text.assign(asked.begin(), asked.end());
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

}  // namespace lorikeet
