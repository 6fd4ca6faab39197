#include "runtime/graph/op.h"

#include <sstream>

namespace lorikeet {

std::string Shape::text() const {
  std::ostringstream out;
  out << "(";
  for (int i = 0; i < rank_; ++i) out << (i ? ", " : "") << axes_[size_t(i)];
  out << ")";
  return out.str();
}

void Attributes::set(std::string_view key, std::variant<int64_t, double> value) {
  for (auto& [name, old] : items_) {
    if (name != key) continue;
    old = value;
    return;
  }
  items_.emplace_back(std::string(key), value);
}

int64_t Attributes::integer(std::string_view key, int64_t otherwise) const {
  for (const auto& [name, value] : items_)
    if (name == key)
      return std::holds_alternative<int64_t>(value) ? std::get<int64_t>(value) : int64_t(std::get<double>(value));
  return otherwise;
}

double Attributes::number(std::string_view key, double otherwise) const {
  for (const auto& [name, value] : items_)
    if (name == key)
      return std::holds_alternative<double>(value) ? std::get<double>(value) : double(std::get<int64_t>(value));
  return otherwise;
}

std::string Attributes::text() const {
  std::ostringstream out;
  for (size_t i = 0; i < items_.size(); ++i) {
    out << (i ? " " : "") << items_[i].first << "=";
    std::visit([&](auto value) { out << value; }, items_[i].second);
  }
  return out.str();
}

}  // namespace lorikeet
