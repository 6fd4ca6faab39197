#include "frontend/text/tokenizer_json_reader.h"

#include <optional>

#include "runtime/base/text.h"

namespace lorikeet {

void MergeList::add(std::string_view left, std::string_view right) {
  text_ += left;
  ends_.push_back(text_.size());
  text_ += right;
  ends_.push_back(text_.size());
}

std::string_view MergeList::half(size_t i) const {
  const size_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

namespace {

// Receives the parser's events. Ordinary parts become a document; vocab and merges become tables.
class Reader : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(TokenizerJson& out) : out_(out) {}
  const std::optional<Error>& error() const { return error_; }

  bool null() override { return value(nullptr); }
  bool boolean(bool x) override { return value(x); }
  bool number_integer(number_integer_t x) override { return number(x); }
  bool number_unsigned(number_unsigned_t x) override { return x > uint64_t(INT64_MAX) ? value(x) : number(int64_t(x)); }
  bool number_float(number_float_t x, const string_t&) override { return value(x); }
  bool binary(binary_t&) override { return false; }

  bool string(string_t& text) override {
    switch (role()) {
      case Role::merges:
        return merge_line(text);
      case Role::merge_pair:
        halves_.push_back(text);
        return halves_.size() <= 2 || bad_merge();
      default:
        return value(std::move(text));
    }
  }

  bool key(string_t& text) override {
    key_ = std::move(text);
    return true;
  }

  bool start_object(size_t) override {
    if (role() == Role::root_value) return open(Json::object(), Role::root);
    if (role() == Role::root && key_ == "model") return open(Json::object(), Role::model);
    if (role() == Role::model && key_ == "vocab") {
      out_.has_vocabulary = true;
      return open_table(Role::vocabulary);
    }
    return open(Json::object(), Role::ordinary);
  }

  bool start_array(size_t) override {
    if (role() == Role::model && key_ == "merges") {
      out_.has_merges = true;
      return open_table(Role::merges);
    }
    if (role() == Role::merges) {
      halves_.clear();
      return open_table(Role::merge_pair);
    }
    return open(Json::array(), Role::ordinary);
  }

  bool end_object() override { return close(); }
  bool end_array() override {
    if (role() == Role::merge_pair) {
      if (halves_.size() != 2) return bad_merge();
      out_.merges.add(halves_[0], halves_[1]);
    }
    return close();
  }

  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& failure) override {
    error_ = Error{ErrorCode::corrupt, "[tokenizer] tokenizer.json is not valid JSON.", failure.what()};
    return false;
  }

 private:
  enum class Role : uint8_t { root_value, root, model, ordinary, vocabulary, merges, merge_pair };
  struct Frame {
    Role role;
    Json* container;  // null in the tables
  };

  Role role() const { return frames_.empty() ? Role::root_value : frames_.back().role; }
  bool fail(std::string message) {
    error_ = corrupt(std::move(message));
    return false;
  }
  bool bad_merge() {
    return fail(join("[tokenizer] tokenizer.json: merge ", out_.merges.size(),
                     " must be \"left right\" or [\"left\", \"right\"]."));
  }

  // Puts a value where it belongs in the document; null and an error inside a table.
  Json* place(Json&& x) {
    switch (role()) {
      case Role::vocabulary:
        fail(join("[tokenizer] tokenizer.json: the id of \"", key_.substr(0, 64), "\" must be an integer, it is ",
                  x.type_name(), "."));
        return nullptr;
      case Role::merges:
      case Role::merge_pair:
        bad_merge();
        return nullptr;
      case Role::root_value:
        return &(out_.rest = std::move(x));
      default:
        break;
    }
    Json& parent = *frames_.back().container;
    if (parent.is_array()) return &parent.emplace_back(std::move(x));
    return &(parent[key_] = std::move(x));
  }
  bool value(Json x) { return place(std::move(x)) != nullptr; }

  bool number(int64_t x) {
    if (role() != Role::vocabulary) return value(x);
    if (auto added = out_.vocabulary.add(key_, x); !added) {
      error_ = std::move(added).error();
      return false;
    }
    return true;
  }

  bool merge_line(std::string_view text) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) return bad_merge();
    out_.merges.add(text.substr(0, space), text.substr(space + 1));
    return true;
  }

  bool open(Json&& empty, Role role) {
    Json* container = place(std::move(empty));
    if (container) frames_.push_back({role, container});
    return container != nullptr;
  }
  bool open_table(Role role) {
    frames_.push_back({role, nullptr});
    return true;
  }
  bool close() {
    frames_.pop_back();
    return true;
  }

  TokenizerJson& out_;
  std::optional<Error> error_;
  std::vector<Frame> frames_;
  std::string key_;
  std::vector<std::string> halves_;
};

}  // namespace

Result<TokenizerJson> parse_tokenizer_json(std::string_view text) {
  TokenizerJson out;
  out.vocabulary.allow_ids(text.size() / 4);
  Reader reader(out);
  if (!Json::sax_parse(text, &reader))
    return reader.error() ? *reader.error() : corrupt("[tokenizer] tokenizer.json is not valid JSON.");
  return out;
}

}  // namespace lorikeet
