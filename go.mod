module zhigui

go 1.26
