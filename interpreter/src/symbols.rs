//! The letters and signs that `\alpha` and its like are completed to: the names that LaTeX gives
//! them, and nothing else of it.

/// The sign of a name without its backslash.
pub(crate) fn sign(name: &str) -> Option<char> {
    let found = SIGNS.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(SIGNS[found].1)
}

/// The names that begin so.
pub(crate) fn names(prefix: &str) -> impl Iterator<Item = &'static str> {
    SIGNS
        .iter()
        .map(|(name, _)| *name)
        .filter(move |name| name.starts_with(prefix))
}

/// The name of a sign.
pub(crate) fn name(sign: char) -> Option<&'static str> {
    let found = SIGNS.iter().find(|(_, known)| *known == sign)?;
    Some(found.0)
}

/// By name, sorted.
#[rustfmt::skip]
const SIGNS: &[(&str, char)] = &[
    ("Alpha", 'Α'), ("Beta", 'Β'), ("Chi", 'Χ'), ("Delta", 'Δ'), ("Digamma", 'Ϝ'),
    ("Downarrow", '⇓'), ("Epsilon", 'Ε'), ("Eta", 'Η'), ("Gamma", 'Γ'), ("Im", 'ℑ'), ("Iota", 'Ι'),
    ("Kappa", 'Κ'), ("Lambda", 'Λ'), ("Leftarrow", '⇐'), ("Leftrightarrow", '⇔'),
    ("Longleftarrow", '⟸'), ("Longleftrightarrow", '⟺'), ("Longrightarrow", '⟹'), ("Mu", 'Μ'),
    ("Nu", 'Ν'), ("Omega", 'Ω'), ("Omicron", 'Ο'), ("P", '¶'), ("Phi", 'Φ'), ("Pi", 'Π'),
    ("Psi", 'Ψ'), ("Re", 'ℜ'), ("Rho", 'Ρ'), ("Rightarrow", '⇒'), ("S", '§'), ("Sigma", 'Σ'),
    ("Tau", 'Τ'), ("Theta", 'Θ'), ("Uparrow", '⇑'), ("Updownarrow", '⇕'), ("Upsilon", 'Υ'),
    ("Vert", '‖'), ("Xi", 'Ξ'), ("Zeta", 'Ζ'), ("^(", '⁽'), ("^)", '⁾'), ("^+", '⁺'), ("^-", '⁻'),
    ("^0", '⁰'), ("^1", '¹'), ("^2", '²'), ("^3", '³'), ("^4", '⁴'), ("^5", '⁵'), ("^6", '⁶'),
    ("^7", '⁷'), ("^8", '⁸'), ("^9", '⁹'), ("^=", '⁼'), ("^a", 'ᵃ'), ("^b", 'ᵇ'), ("^c", 'ᶜ'),
    ("^d", 'ᵈ'), ("^e", 'ᵉ'), ("^f", 'ᶠ'), ("^g", 'ᵍ'), ("^h", 'ʰ'), ("^i", 'ⁱ'), ("^j", 'ʲ'),
    ("^k", 'ᵏ'), ("^l", 'ˡ'), ("^m", 'ᵐ'), ("^n", 'ⁿ'), ("^o", 'ᵒ'), ("^p", 'ᵖ'), ("^r", 'ʳ'),
    ("^s", 'ˢ'), ("^t", 'ᵗ'), ("^u", 'ᵘ'), ("^v", 'ᵛ'), ("^w", 'ʷ'), ("^x", 'ˣ'), ("^y", 'ʸ'),
    ("^z", 'ᶻ'), ("_(", '₍'), ("_)", '₎'), ("_+", '₊'), ("_-", '₋'), ("_0", '₀'), ("_1", '₁'),
    ("_2", '₂'), ("_3", '₃'), ("_4", '₄'), ("_5", '₅'), ("_6", '₆'), ("_7", '₇'), ("_8", '₈'),
    ("_9", '₉'), ("_=", '₌'), ("_a", 'ₐ'), ("_e", 'ₑ'), ("_h", 'ₕ'), ("_i", 'ᵢ'), ("_j", 'ⱼ'),
    ("_k", 'ₖ'), ("_l", 'ₗ'), ("_m", 'ₘ'), ("_n", 'ₙ'), ("_o", 'ₒ'), ("_p", 'ₚ'), ("_r", 'ᵣ'),
    ("_s", 'ₛ'), ("_t", 'ₜ'), ("_u", 'ᵤ'), ("_v", 'ᵥ'), ("_x", 'ₓ'), ("aleph", 'ℵ'),
    ("alpha", 'α'), ("amalg", '⨿'), ("angle", '∠'), ("angstrom", 'Å'), ("approx", '≈'),
    ("ast", '∗'), ("asymp", '≍'), ("backprime", '‵'), ("bbA", '𝔸'), ("bbB", '𝔹'), ("bbC", 'ℂ'),
    ("bbD", '𝔻'), ("bbE", '𝔼'), ("bbF", '𝔽'), ("bbG", '𝔾'), ("bbH", 'ℍ'), ("bbI", '𝕀'),
    ("bbJ", '𝕁'), ("bbK", '𝕂'), ("bbL", '𝕃'), ("bbM", '𝕄'), ("bbN", 'ℕ'), ("bbO", '𝕆'),
    ("bbP", 'ℙ'), ("bbQ", 'ℚ'), ("bbR", 'ℝ'), ("bbS", '𝕊'), ("bbT", '𝕋'), ("bbU", '𝕌'),
    ("bbV", '𝕍'), ("bbW", '𝕎'), ("bbX", '𝕏'), ("bbY", '𝕐'), ("bbZ", 'ℤ'), ("bba", '𝕒'),
    ("bbb", '𝕓'), ("bbc", '𝕔'), ("bbd", '𝕕'), ("bbe", '𝕖'), ("bbf", '𝕗'), ("bbg", '𝕘'),
    ("bbh", '𝕙'), ("bbi", '𝕚'), ("bbj", '𝕛'), ("bbk", '𝕜'), ("bbl", '𝕝'), ("bbm", '𝕞'),
    ("bbn", '𝕟'), ("bbo", '𝕠'), ("bbp", '𝕡'), ("bbq", '𝕢'), ("bbr", '𝕣'), ("bbs", '𝕤'),
    ("bbt", '𝕥'), ("bbu", '𝕦'), ("bbv", '𝕧'), ("bbw", '𝕨'), ("bbx", '𝕩'), ("bby", '𝕪'),
    ("bbz", '𝕫'), ("because", '∵'), ("beta", 'β'), ("beth", 'ℶ'), ("bigstar", '★'),
    ("blacksquare", '■'), ("bot", '⊥'), ("bowtie", '⋈'), ("boxdot", '⊡'), ("boxminus", '⊟'),
    ("boxplus", '⊞'), ("boxtimes", '⊠'), ("bullet", '•'), ("cap", '∩'), ("cbrt", '∛'),
    ("cdot", '⋅'), ("cdots", '⋯'), ("checkmark", '✓'), ("chi", 'χ'), ("circ", '∘'),
    ("circlearrowleft", '↺'), ("circlearrowright", '↻'), ("clubsuit", '♣'), ("coloneq", '≔'),
    ("complement", '∁'), ("cong", '≅'), ("coprod", '∐'), ("copyright", '©'), ("cup", '∪'),
    ("dagger", '†'), ("daleth", 'ℸ'), ("dashv", '⊣'), ("ddagger", '‡'), ("ddots", '⋱'),
    ("degree", '°'), ("delta", 'δ'), ("diamond", '⋄'), ("diamondsuit", '♢'), ("digamma", 'ϝ'),
    ("div", '÷'), ("doteq", '≐'), ("downarrow", '↓'), ("ell", 'ℓ'), ("emptyset", '∅'),
    ("epsilon", 'ϵ'), ("equiv", '≡'), ("eta", 'η'), ("eth", 'ð'), ("euro", '€'), ("exists", '∃'),
    ("flat", '♭'), ("forall", '∀'), ("gamma", 'γ'), ("ge", '≥'), ("geq", '≥'), ("gets", '←'),
    ("gg", '≫'), ("gimel", 'ℷ'), ("gtrsim", '≳'), ("hbar", 'ħ'), ("heartsuit", '♡'),
    ("hookleftarrow", '↩'), ("hookrightarrow", '↪'), ("hslash", 'ℏ'), ("iff", '⟺'), ("iiint", '∭'),
    ("iint", '∬'), ("implies", '⟹'), ("in", '∈'), ("infty", '∞'), ("int", '∫'), ("iota", 'ι'),
    ("kappa", 'κ'), ("lambda", 'λ'), ("langle", '⟨'), ("lceil", '⌈'), ("ldots", '…'), ("le", '≤'),
    ("leadsto", '↝'), ("leftarrow", '←'), ("leftharpoondown", '↽'), ("leftharpoonup", '↼'),
    ("leftrightarrow", '↔'), ("leq", '≤'), ("lesssim", '≲'), ("lfloor", '⌊'), ("ll", '≪'),
    ("lnot", '¬'), ("longleftarrow", '⟵'), ("longleftrightarrow", '⟷'), ("longmapsto", '⟼'),
    ("longrightarrow", '⟶'), ("lozenge", '◊'), ("ltimes", '⋉'), ("mapsto", '↦'),
    ("measuredangle", '∡'), ("micro", 'µ'), ("mid", '∣'), ("models", '⊧'), ("mp", '∓'),
    ("mu", 'μ'), ("nabla", '∇'), ("natural", '♮'), ("ne", '≠'), ("nearrow", '↗'), ("neg", '¬'),
    ("neq", '≠'), ("nexists", '∄'), ("ngeq", '≱'), ("ni", '∋'), ("nleq", '≰'), ("nmid", '∤'),
    ("notin", '∉'), ("nparallel", '∦'), ("nsubseteq", '⊈'), ("nu", 'ν'), ("nwarrow", '↖'),
    ("odot", '⊙'), ("oint", '∮'), ("omega", 'ω'), ("omicron", 'ο'), ("ominus", '⊖'),
    ("oplus", '⊕'), ("oslash", '⊘'), ("otimes", '⊗'), ("parallel", '∥'), ("partial", '∂'),
    ("perp", '⊥'), ("phi", 'ϕ'), ("pi", 'π'), ("pm", '±'), ("pounds", '£'), ("prec", '≺'),
    ("preceq", '⪯'), ("prime", '′'), ("prod", '∏'), ("propto", '∝'), ("psi", 'ψ'), ("rangle", '⟩'),
    ("rceil", '⌉'), ("rfloor", '⌋'), ("rho", 'ρ'), ("rightarrow", '→'), ("rightharpoondown", '⇁'),
    ("rightharpoonup", '⇀'), ("rightleftharpoons", '⇌'), ("rtimes", '⋊'), ("searrow", '↘'),
    ("setminus", '∖'), ("sharp", '♯'), ("sigma", 'σ'), ("sim", '∼'), ("simeq", '≃'),
    ("spadesuit", '♠'), ("sqcap", '⊓'), ("sqcup", '⊔'), ("sqrt", '√'), ("sqsubseteq", '⊑'),
    ("sqsupseteq", '⊒'), ("square", '□'), ("star", '⋆'), ("subset", '⊂'), ("subseteq", '⊆'),
    ("succ", '≻'), ("succeq", '⪰'), ("sum", '∑'), ("supset", '⊃'), ("supseteq", '⊇'),
    ("swarrow", '↙'), ("tau", 'τ'), ("therefore", '∴'), ("theta", 'θ'), ("times", '×'),
    ("to", '→'), ("top", '⊤'), ("triangle", '△'), ("triangleq", '≜'), ("uparrow", '↑'),
    ("updownarrow", '↕'), ("uplus", '⊎'), ("upsilon", 'υ'), ("varepsilon", 'ε'), ("varkappa", 'ϰ'),
    ("varnothing", '∅'), ("varphi", 'φ'), ("varpi", 'ϖ'), ("varrho", 'ϱ'), ("varsigma", 'ς'),
    ("vartheta", 'ϑ'), ("vdash", '⊢'), ("vdots", '⋮'), ("vee", '∨'), ("wedge", '∧'), ("wp", '℘'),
    ("wr", '≀'), ("xi", 'ξ'), ("yen", '¥'), ("zeta", 'ζ'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_have_names_and_names_signs() {
        assert!(SIGNS.is_sorted_by_key(|(name, _)| *name));
        assert!(SIGNS.windows(2).all(|pair| pair[0].0 != pair[1].0));
        for (written, expected) in [("alpha", 'α'), ("Omega", 'Ω'), ("infty", '∞'), ("bbR", 'ℝ')]
        {
            assert_eq!(sign(written), Some(expected));
            assert_eq!(name(expected), Some(written));
        }
        assert_eq!(sign("nothing"), None);
        assert_eq!(names("alp").collect::<Vec<_>>(), ["alpha"]);
    }
}
