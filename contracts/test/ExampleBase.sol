// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../src/interfaces/IFeedRegistry.sol";
import {Words} from "../src/libraries/Words.sol";
import {Base} from "./Base.sol";

/// @notice What the examples' tests share: answers of one output, delivered with a proof or by the oracle's own hand.
abstract contract ExampleBase is Base {
    /// @dev One output and, if `observedAt` is not 0, one observation of that time.
    function _slotOf(uint64 observedAt, int64 output, bool inDomain, bool unsaturated)
        internal
        view
        returns (IDodonaOracle.Slot memory slot)
    {
        int64[] memory outputs = new int64[](1);
        outputs[0] = output;
        slot.outputWords = Words.packOutputs(outputs, inDomain, unsaturated);
        if (observedAt == 0) return slot;
        IFeedRegistry.ObservationHeader memory header = _header(uint256(observedAt));
        header.seq = observedAt / PERIOD;
        header.observedAt = observedAt;
        header.validUntil = observedAt + 1 days;
        slot.observations = new IDodonaOracle.SignedHeader[](1);
        slot.observations[0] = _sign(header, key1);
    }

    /// @dev ETH that the oracle owes `account`.
    function _credit(address account) internal view returns (uint256) {
        return oracle.creditOf(address(0), account);
    }

    /// @dev A feed of this contract's own, with one publisher.
    function _feedOf(uint32 length, uint64 period) internal returns (bytes32) {
        address[] memory publishers = new address[](1);
        publishers[0] = publisher1;
        return feeds.createFeed(keccak256("schema"), length, period, 0, publishers, "another");
    }

    function _deliver(bytes32 id, uint8 mode, IDodonaOracle.Slot memory slot) internal {
        Delivery memory d = _delivery(id, model, mode);
        d.slots = _slots(slot);
        _fulfil(_prove(d));
    }

    /// @dev An answer as the oracle would hand it over, for what a proof cannot bring about.
    function _answerOf(uint64 observedAt, int64 output) internal view returns (IDodonaOracle.Answer memory answer) {
        answer.observedAt = observedAt;
        answer.validUntil = type(uint64).max;
        answer.fulfilledAt = uint64(block.timestamp);
        (answer.inDomain, answer.unsaturated) = (true, true);
        answer.outputs = new int64[](1);
        answer.outputs[0] = output;
    }
}
