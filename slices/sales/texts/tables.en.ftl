# What reading tables says of files and lines. The crate `tables` names what is said; a key is `tables-` and that name.

# Files that are refused
tables-unreadable = The file can't be read: { $error }.
tables-file-empty = The file is empty.
tables-file-without-rows = The file has a header at most, and no lines.
tables-file-large = The file is larger than { $megabytes } MB.
tables-file-changed = The file changed while it was read; start again.
tables-gzip-damaged = The file begins like gzip but can't be unpacked; it is damaged.
tables-gzip-ends-early = The compressed file ends too early; it was not copied whole.
tables-gzip-bomb = The compressed file unpacks to more than { $times } times its size.
tables-control-characters = The file is full of control characters; it is not a text table.
tables-zero-byte = Line { $line } holds a zero byte; the file is not a text table.
tables-long-line = Line { $line } is longer than { $kilobytes } kB.
tables-long-cell = A cell near line { $line } is longer than { $kilobytes } kB; a quote may not be closed.
tables-many-columns = The table has more than { $most } columns.
tables-not-in-encoding = The file holds bytes that are not { $encoding }.
tables-mixed-encoding = The file says that it is UTF-8, but byte { $byte } in line { $line } is not. Save it as CSV UTF-8 once more.
tables-is-xlsx = The file is an XLSX workbook or a ZIP archive; open it and save it as CSV.
tables-is-empty-zip = The file is an empty ZIP archive.
tables-is-xls = The file is an old Excel workbook (XLS); open it and save it as CSV.
tables-is-pdf = The file is a PDF; a table has to be exported as CSV.
tables-is-png = The file is a PNG image.
tables-is-jpeg = The file is a JPEG image.
tables-is-gif = The file is a GIF image.
tables-is-program = The file is a program.
tables-is-sqlite = The file is a SQLite database; export the table as CSV.
tables-is-gzip-twice = The file is compressed twice; unpack it once.
tables-is-bzip2 = The file is compressed with bzip2; unpack it or use gzip.
tables-is-xz = The file is compressed with xz; unpack it or use gzip.
tables-is-zstd = The file is compressed with zstd; unpack it or use gzip.
tables-is-seven-zip = The file is a 7-Zip archive; unpack it.
tables-is-rar = The file is a RAR archive; unpack it.
tables-is-parquet = The file is a Parquet file; export it as CSV.
tables-is-web-page = The file is a web page; export the table as CSV.
tables-is-xml = The file is XML; export the table as CSV.
tables-is-rtf = The file is a text document; export the table as CSV.
tables-is-json = The file is JSON; export the table as CSV.

# What is missing or wrong in what the files are taken for
tables-same-name = Two files have this name; rename one.
tables-nothing-like-sales = None of the files looks like sales: a column with items and one with days or tickets are needed.
tables-nothing-like-item = No column looks like the item.
tables-nothing-like-day = No column looks like the day of the sale.
tables-no-lines-named = No file is named as the one with the sale lines.
tables-no-item-named = No column is named as “Item” or “Item's code”.
tables-no-day-named = No column is named as “Day” or “Day and time”.
tables-not-days = The column { $column } can't be read as days: line { $line } has “{ $cell }”, and { $days } of its { $cells } cells are days. Write them as 2024-05-31 or 31/05/2024, or name another column as “Day”.
tables-days-missing = The column { $column } holds no days: its cells are empty. Fill them, or name another column as “Day”.
tables-unknown-file = The mapping names { $file }, which was not given.
tables-unknown-column = The file has no column { $column }.
tables-other-columns = The file has other columns than { $file }; import it by itself.
tables-not-joined = A column of the file is used, but nothing says how its rows are found.
tables-out-of-reach = The column { $column } can't be reached from the lines.
tables-role-twice = Two columns are named as “{ $role }”.
tables-lookup-large = The file is looked up in and may have { $rows } rows and { $megabytes } MB of content at most.
tables-lookup-broken = More than { $most } rows of the file can't be used.
tables-lookup-twice = The file holds { $key } twice, with different content.

# Lines that are refused
tables-line-cells = { $has ->
    [one] The line has one cell instead of { $wanted }.
   *[other] The line has { $has } cells instead of { $wanted }.
}
tables-row-cells = { $has ->
    [one] The row has one cell instead of { $wanted }.
   *[other] The row has { $has } cells instead of { $wanted }.
}
tables-row-without-key = The row has no key.
tables-not-in-file = { $column } { $key } is not in { $file }.
tables-not-known = { $column } is not known.
tables-line-break = { $column } holds a line break; a quote in front may not be closed.
tables-long-text = { $column } is longer than { $most } letters.
tables-cell-empty = { $column } is empty.
tables-not-number = { $column } is { $cell }, which is not a number like { $sample }.
tables-not-day = { $column } is { $cell }, which is not a day like { $sample }.
tables-not-time = { $column } is { $cell }, which is not a time of day.
tables-line-without-day = The line has no date.
tables-line-without-item = The line names no item.
tables-not-item = The line names no item: { $column } is { $cell }.

# What a file was taken for
tables-file-is = { $what }. Read as { $encoding } because { $why }; cells parted by { $delimiter }, { $header }.
tables-holds-lines = { $rows ->
    [one] its one row is the sale line
   *[other] its { $rows } rows are the sale lines
}
tables-holds-lines-too = { $rows ->
    [one] it has the same columns as { $file }: its one row is a sale line too
   *[other] it has the same columns as { $file }: its { $rows } rows are sale lines too
}
tables-looked-up = it is looked up by { $key }: no { $key } comes twice in it, and it has { $percent } % of the { $column } seen in { $file }
tables-takes-no-part = it takes part in nothing: { $why }
tables-near-miss = its column { $column } holds { $key } a second time in line { $line }, so rows can't be looked up by it
tables-nothing-points = no column of the others points to it
tables-byte-order-mark = the file says so by its byte order mark
tables-not-utf8 = byte { $byte } in line { $line } is not UTF-8
tables-plain-ascii = every byte is plain ASCII
tables-every-byte-fits = every byte of the file fits
tables-person-said-so = a person said so
tables-comma = comma
tables-semicolon = semicolon
tables-tab = tab
tables-bar = bar
tables-header-in = header in line { $line }
tables-no-header = no header

# What a column was taken for
tables-column-is = { $column } is taken for “{ $role }” because { $why }.
tables-by-name = of its name
tables-by-content = of what it holds
tables-no-two-alike = no two lines have the same
tables-points-to-orders = it points to the orders
tables-points-to-items = it points to the items
tables-names-the-pointed = it names what the lines point to
tables-most-different = of the columns with words it holds the most different ones
tables-shared-by-neighbours = lines that follow each other share it, and it never falls
tables-exceptions = { $count ->
    [one] one cell is something else, { $cell } in line { $line }
   *[other] { $count } cells are something else, the first is { $cell } in line { $line }
}
tables-empty-word = { $count ->
    [one] one line has { $word }, which is read as no “{ $role }”
   *[other] { $count } lines have { $word }, which is read as no “{ $role }”
}
tables-role-ticket = Ticket
tables-role-line-id = Line's own number
tables-role-date = Day
tables-role-time = Time
tables-role-datetime = Day and time
tables-role-item = Item
tables-role-item-part = Part of the item's name
tables-role-item-id = Item's code
tables-role-category = Category
tables-role-quantity = Quantity
tables-role-unit-price = Price of one
tables-role-line-total = Price of the line
tables-role-discount = Discount
tables-role-tax = Tax (not used)
tables-role-customer = Customer (not used)
tables-role-seller = Seller (not used)
tables-role-site = Site (not used)
tables-role-channel = Channel (not used)
tables-role-payment-method = Paid by

# How its cells are read
tables-holds-nothing = it holds nothing
tables-holds-words = it holds words
tables-holds-times = its cells are times of day
tables-days-like = it is { $sample } because { $why }
tables-line-has = line { $line } has { $cell }
tables-year-in-front = the year stands in front
tables-month-named = its months are named, so its days can be read in one way only
tables-years-and-months = the year stands in front in { $years } of its cells, and the month is named in { $months }
tables-days-disagree = most rows fit, but they do not agree: { $one }, { $other }
tables-days-with-dots = dates with dots are written so; no day is over 12
tables-days-back = { $fewer ->
    [one] read so, one row lies before the row above, read the other way { $more }; no day is over 12
   *[other] read so, { $fewer } rows lie before the row above, read the other way { $more }; no day is over 12
}
tables-days-unsure = nothing else tells: no day is over 12, so it could as well be { $other }
tables-numbers-like = its numbers are written like { $sample } because { $why }
tables-no-fraction = its numbers have no fraction
tables-numbers-disagree = most are, but they do not agree: { $one }, { $other }
tables-column-writes-so = the column { $column } is written so
tables-semicolon-file = files with semicolons usually are
tables-either-way = { $cell } in line { $line } alone could be read either way
tables-comma-of-thousands = line { $line } has { $cell }, and three digits behind a comma are usually thousands
tables-numbers-unsure = nothing else tells: { $cell } in line { $line } could also be thousands
