//! What the words of a header mean: English, German, French and Swahili.

use crate::Role;

/// Headers as they are written without case, spaces, signs and accents.
const WORDS: &[(Role, &str)] = &[
    (
        Role::Ticket,
        "ticket ticketid ticketno ticketnumber ticketnr transaction transactionid transactionno transactionnumber transno \
            transid orderid order orderno ordernumber receipt receiptid receiptno receiptnumber invoice invoiceid invoiceno \
            invoicenumber bill billid billno billnumber check checkno checknumber saleid saleno salesid basket basketid bon bonnr \
            bonnummer beleg belegnr belegnummer rechnung rechnungsnr rechnungsnummer bestellung bestellnummer facture \
            numerofacture nofacture nfacture nticket numeroticket noticket commande numerocommande nocommande recu risiti \
            nambayarisiti oda ankara",
    ),
    (
        Role::LineId,
        "lineid orderdetailsid orderdetailid orderitemid orderlineid lineitemid transactionlineid saleslineid salelineid uuid \
            positionsid zeilenid ligneid idligne",
    ),
    (
        Role::Datetime,
        "datetime timestamp createdat soldat paidat closedat orderedat dateandtime zeitstempel datumuhrzeit datumzeit \
            horodatage dateheure dateetheure tareheyamuda saledatetime",
    ),
    (
        Role::Date,
        "date day saledate salesdate orderdate transactiondate businessdate invoicedate billdate receiptdate datum tag \
            belegdatum verkaufsdatum buchungsdatum datevente datedevente jour tarehe siku",
    ),
    (Role::Time, "time hour saletime ordertime transactiontime timeofday uhrzeit zeit uhr heure heurevente saa muda wakati"),
    (
        Role::Item,
        "item itemname items product productname article articlename description itemdescription productdescription menuitem \
            menuitemname dish name artikel artikelname artikelbezeichnung bezeichnung produkt produktname warengruppe speise \
            produit nomproduit nomduproduit designation libelle nomarticle bidhaa jinalabidhaa bidhaajina chakula jina",
    ),
    (
        Role::ItemId,
        "itemid itemcode itemno itemnumber productid productcode sku plu barcode ean gtin stockcode menuitemid artikelnr \
            artikelnummer artikelid codeproduit codearticle refproduit reference codebarre nambayabidhaa msimbo",
    ),
    (
        Role::Category,
        "category categoryname itemcategory productcategory department group itemgroup productgroup kategorie gruppe \
            produktgruppe categorie famille rayon aina kundi",
    ),
    (Role::ItemPart, "size itemsize variant variation option groesse grosse grose variante taille ukubwa"),
    (
        Role::Quantity,
        "quantity qty qnty quant units unitssold qtysold quantitysold pieces pcs count menge anzahl stuck stueck quantite qte \
            nombre kiasi idadi",
    ),
    (
        Role::UnitPrice,
        "price unitprice itemprice sellingprice saleprice priceeach pricepaid rate mrp preis einzelpreis stuckpreis stueckpreis \
            verkaufspreis prix prixunitaire pu prixvente prixdevente bei beiyamoja beiyakitengo",
    ),
    (
        Role::LineTotal,
        "linetotal total amount lineamount totalprice totalamount extendedprice subtotal netsales grosssales sales salesamount \
            revenue value turnover betrag gesamt gesamtpreis summe umsatz montant montantligne prixtotal chiffredaffaires ca jumla \
            kiasichapesa mauzo",
    ),
    (Role::Discount, "discount discountamount linediscount rebate rabatt nachlass remise reduction rabais punguzo"),
    (Role::Tax, "tax taxamount vat vatamount salestax gst mwst ust steuer mehrwertsteuer tva taxe montanttva kodi"),
    (
        Role::Customer,
        "customer customername customerid client clientname clientid guest member kunde kundenname kundennr kundennummer \
            nomclient mteja jinalamteja",
    ),
    (
        Role::Seller,
        "seller cashier server waiter waitress employee staff salesperson operator soldby verkaufer verkaeufer kassierer \
            bediener mitarbeiter kellner vendeur caissier serveur employe muuzaji mhudumu keshia",
    ),
    (
        Role::Site,
        "site store storeid storename shop branch location outlet restaurant filiale laden geschaft standort magasin boutique \
            succursale etablissement tawi duka",
    ),
    (Role::Channel, "channel saleschannel ordertype diningoption servicetype source kanal vertriebskanal canal typecommande njia"),
    (
        Role::PaymentMethod,
        "payment paymentmethod paymenttype paymentmode paymode tender tendertype paidby zahlungsart zahlart zahlung \
            modepaiement modedepaiement moyendepaiement paiement reglement malipo njiayamalipo",
    ),
];

/// Last words that carry a meaning whatever stands before them: `order_date`, `Basket Time`.
const LAST: &[(Role, &str)] = &[
    (Role::Date, "date datum tarehe"),
    (Role::Time, "time uhrzeit zeit heure saa"),
    (Role::Quantity, "qty quantity menge quantite"),
    (Role::UnitPrice, "price preis prix bei"),
];

fn fold(c: char) -> Option<char> {
    let plain = match c {
        'ä' | 'à' | 'â' | 'á' | 'å' | 'ã' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' | 'í' => 'i',
        'ö' | 'ô' | 'ó' | 'ø' | 'õ' => 'o',
        'ü' | 'û' | 'ù' | 'ú' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ß' => 's',
        'ÿ' => 'y',
        other => other,
    };
    plain.is_alphanumeric().then_some(plain)
}

/// Without case, spaces, signs and accents, and without what stands in brackets.
pub(crate) fn normal(header: &str) -> String {
    let bare = header.split(['(', '[', '{']).next().unwrap_or_default();
    let bare = if bare.trim().is_empty() { header } else { bare };
    bare.chars().flat_map(char::to_lowercase).filter_map(fold).collect()
}

fn last_word(header: &str) -> Option<String> {
    let bare = header.split(['(', '[', '{']).next()?.trim();
    let at = bare
        .char_indices()
        .rev()
        .find(|(at, c)| !c.is_alphanumeric() || (c.is_uppercase() && *at > 0 && bare[..*at].ends_with(char::is_lowercase)));
    let (at, c) = at?;
    Some(normal(&bare[if c.is_alphanumeric() { at } else { at + c.len_utf8() }..]))
}

/// The role that a header names; true when the whole header is a known word.
pub(crate) fn role(header: &str) -> Option<(Role, bool)> {
    let whole = normal(header);
    if whole.is_empty() {
        return None;
    }
    let find = |table: &[(Role, &str)], word: &str| {
        table.iter().find(|(_, words)| words.split_ascii_whitespace().any(|known| known == word)).map(|(role, _)| *role)
    };
    if let Some(role) = find(WORDS, &whole) {
        return Some((role, true));
    }
    // `Price USD`: the currency is not part of the word.
    let money = header.trim().rsplit_once([' ', '_']).filter(|(_, code)| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
    if let Some(role) = money.and_then(|(front, _)| find(WORDS, &normal(front))) {
        return Some((role, true));
    }
    find(LAST, &last_word(header)?).map(|role| (role, false))
}

/// A header as it is compared with others.
pub(crate) struct Name {
    pub normal: String,
    item: Option<Role>,
}

impl Name {
    pub(crate) fn of(header: &str) -> Self {
        let item = role(header).filter(|(role, exact)| *exact && matches!(role, Role::Item | Role::ItemId));
        Self { normal: normal(header), item: item.map(|(role, _)| role) }
    }
}

/// What the `id` of a file's rows may be called elsewhere: `product` for `products.csv`.
pub(crate) fn owners(file: &str) -> Vec<String> {
    let stem = normal(file.split('.').next().unwrap_or_default());
    let singular = |end: &str, put: &str| stem.strip_suffix(end).map(|rest| format!("{rest}{put}"));
    [singular("ies", "y"), singular("es", ""), singular("s", ""), Some(stem.clone())].into_iter().flatten().collect()
}

/// Whether a column of one file may point to a column of another by their names. `owners` are the names of the other file's rows.
pub(crate) fn alike(pointer: &Name, key: &Name, owners: &[String]) -> bool {
    let (from, to) = (pointer.normal.as_str(), key.normal.as_str());
    if from == to {
        return !from.is_empty();
    }
    if to == "id" || to == "code" {
        return owners.iter().any(|owner| from.strip_prefix(owner.as_str()) == Some(to));
    }
    let (short, long) = if from.len() < to.len() { (from, to) } else { (to, from) };
    (short.len() >= 4 && long.ends_with(short)) || (pointer.item.is_some() && pointer.item == key.item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_in_four_languages() {
        for (header, expected) in [
            ("Order ID", Role::Ticket),
            ("order_id", Role::Ticket),
            ("Transaction", Role::Ticket),
            ("Bon-Nr.", Role::Ticket),
            ("N° facture", Role::Ticket),
            ("Datum", Role::Date),
            ("Order Date", Role::Date),
            ("orderDate", Role::Date),
            ("Tarehe", Role::Date),
            ("Uhrzeit", Role::Time),
            ("Total (£)", Role::LineTotal),
            ("Prix unitaire", Role::UnitPrice),
            ("Qté", Role::Quantity),
            ("Artikel", Role::Item),
            ("Jina la bidhaa", Role::Item),
            ("Größe", Role::ItemPart),
            ("QTY.", Role::Quantity),
            ("Price USD", Role::UnitPrice),
        ] {
            let known = role(header).map(|(role, _)| role);
            assert_eq!(known, Some(expected), "{header}");
        }
        assert_eq!(role("Ingredients"), None);
        assert_eq!(role("Order Total"), None);
    }

    #[test]
    fn keys_are_recognised_by_their_names() {
        let alike = |pointer, key, file| alike(&Name::of(pointer), &Name::of(key), &owners(file));
        assert!(alike("item_id", "menu_item_id", "menu_items.csv"));
        assert!(alike("pizza_type_id", "pizza_type_id", "pizza_types.csv"));
        assert!(alike("product_id", "id", "products.csv"));
        assert!(alike("Item", "Product", "prices.csv"));
        assert!(!alike("order_details_id", "order_id", "orders.csv"));
        assert!(!alike("date", "id", "orders.csv"));
    }
}
