// The page's language: the reader's choice, else the browser's.
const chosen = localStorage.getItem("updraft.language");
const language = chosen || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
document.documentElement.lang = language;
document.getElementById("language").addEventListener("click", () => {
  const next = document.documentElement.lang === "zh" ? "en" : "zh";
  localStorage.setItem("updraft.language", next);
  document.documentElement.lang = next;
});
