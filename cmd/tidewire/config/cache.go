package config

import "github.com/tidewire/tidewire/driver/redis"

// cacheFault returns what is wrong with the address of a Redis, which is not asked.
func cacheFault(address string) error {
	if address == "" {
		return nil
	}
	s, err := redis.New(address)
	if err != nil {
		return err
	}
	return s.Close()
}
